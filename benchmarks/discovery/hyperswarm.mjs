// Standing nodes and newcomers of hyperswarm for discover.py. Run with node, with
// KADISC_DISCOVER_MODULES naming the folder that has node_modules.
//
//   node hyperswarm.mjs nodes FILE                  settings, as sides.py tells
//   node hyperswarm.mjs newcomer NETWORK HOST:PORT  prints {"peer": HOST} for each connection
//
// Standing nodes are Hyperswarm servers for the topic of the network, each with a DHT node of its
// own that listens at its host and does not guess about firewalls. A newcomer has every default.
// Prints {"met": n} when it has changed: the number of nodes that lookups found announced, less one.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(`${process.env.KADISC_DISCOVER_MODULES}/package.json`)
const DHT = require('hyperdht')
const Hyperswarm = require('hyperswarm')

const say = (value) => process.stdout.write(JSON.stringify(value) + '\n')
const topicOf = (network) => createHash('sha256').update(network).digest()

function split(endpoint) {
  const at = endpoint.lastIndexOf(':')
  return { host: endpoint.slice(0, at), port: Number(endpoint.slice(at + 1)) }
}

async function nodes({ hosts, port, network, bootstrap, all }) {
  const first = bootstrap ? split(bootstrap) : { host: hosts[0], port }
  const swarms = []
  for (const host of hosts) {
    const isFirst = host === first.host
    const dht = new DHT({
      bootstrap: isFirst ? [] : [first],
      host,
      port,
      ephemeral: false,
      anyPort: false,
      firewalled: false
    })
    await dht.fullyBootstrapped()
    swarms.push(new Hyperswarm({ dht }))
  }
  // When all are there, or the first would announce itself to itself alone.
  const topic = topicOf(network)
  await Promise.all(
    swarms.map(async (swarm) => {
      swarm.on('connection', (socket) => socket.on('error', () => {}))
      await swarm.join(topic, { server: true, client: false }).flushed()
    })
  )
  const found = new Set()
  for (let told = -1; ; ) {
    for await (const { peers } of swarms[0].dht.lookup(topic)) {
      for (const { publicKey } of peers) found.add(publicKey.toString('hex'))
    }
    if (found.size - 1 !== told) say({ met: (told = found.size - 1) })
    if (found.size >= (all?.[network] ?? hosts).length) return
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

function newcomer(network, bootstrap) {
  const swarm = new Hyperswarm({ bootstrap: [split(bootstrap)] })
  swarm.on('connection', (socket) => {
    socket.on('error', () => {})
    say({ peer: socket.rawStream.remoteHost })
  })
  swarm.join(topicOf(network), { server: true, client: true })
  process.on('SIGTERM', () => swarm.destroy().then(() => process.exit(0)))
}

const [role, ...rest] = process.argv.slice(2)
if (role === 'nodes') await nodes(JSON.parse(readFileSync(rest[0], 'utf8')))
else newcomer(...rest)
