"""kadisc doctor on machines of network namespaces, each with one thing broken."""
