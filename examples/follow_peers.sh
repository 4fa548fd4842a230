#!/bin/sh
# Follows the peers of the running node: a line of JSON for each that is found or lost. The program
# kadisc does the same in words: kadisc peers --follow --state-dir my-node
#
# examples/follow_peers.sh my-node p2p

request='{"jsonrpc": "2.0", "id": 1, "method": "follow_peers", "params": {"service": "'$2'"}}'
path="$1/control.sock"
if command -v socat >/dev/null; then
    # -t: goes on reading after its input has ended
    printf '%s\n' "$request" | socat -t 1000000000 - "UNIX-CONNECT:$path"
elif command -v nc >/dev/null; then
    printf '%s\n' "$request" | nc -U "$path"
else
    # of Debian's smallest image
    perl -MIO::Socket::UNIX -e '
        $socket = IO::Socket::UNIX->new(shift) or die "cannot connect: $!\n";
        print $socket shift, "\n";
        $| = 1;
        print while <$socket>;
    ' "$path" "$request"
fi
