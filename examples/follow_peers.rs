// Follows the peers of the running node over its control socket, with the standard library alone:
// prints each line of JSON that tells of one. A real program reads them with a crate such as serde.
//
// rustc -O examples/follow_peers.rs && ./follow_peers my-node p2p

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("the state folder");
    let service = arguments.next().expect("the name of a service");
    let mut socket = UnixStream::connect(format!("{folder}/control.sock"))?;
    let request = format!(
        r#"{{"jsonrpc": "2.0", "id": 1, "method": "follow_peers", "params": {{"service": "{service}"}}}}"#
    );
    writeln!(socket, "{request}")?;
    for line in BufReader::new(socket).lines() {
        let line = line?;
        if line.contains(r#""error""#) {
            return Err(io::Error::new(io::ErrorKind::Other, line));
        }
        let what = if line.contains(r#""lost""#) { "lost" } else { "found" };
        println!("{what} {line}");
    }
    Ok(())
}
