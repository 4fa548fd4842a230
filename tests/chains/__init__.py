"""kadisc beside real chain nodes, each on a network of its own without a way out."""
