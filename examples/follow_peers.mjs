// Follows the peers of the running node over its control socket: one line for each that is found,
// and for each that is lost. Node.js 18 or later, without packages.
//
// node examples/follow_peers.mjs my-node p2p

import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { join } from "node:path";

const [folder, service] = process.argv.slice(2);
const socket = createConnection(join(folder, "control.sock"));
const params = { service };
socket.write(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "follow_peers", params }) + "\n");

for await (const line of createInterface({ input: socket })) {
  const message = JSON.parse(line);
  if (message.error) {
    console.error(message.error.message);
    process.exit(1);
  }
  const { peer, lost } = message.params.value;
  if (peer) console.log("found", peer.addresses[service]);
  if (lost) console.log("lost", lost.endpoint, lost.reason);
}
