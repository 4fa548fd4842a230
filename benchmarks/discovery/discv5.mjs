// Standing nodes and newcomers of discv5 (@chainsafe/discv5) for discover.py. Run with node, with
// KADISC_DISCOVER_MODULES naming the folder that has node_modules.
//
//   node discv5.mjs nodes FILE             settings, as sides.py tells
//   node discv5.mjs newcomer NETWORK ENR   prints {"peer": HOST} for each peer
//
// The network is an entry of the ENR. A newcomer looks up random IDs without a pause, as clients do
// until they have peers, and pings each node of its network that it hears of; a peer is one with
// which it has a session, for which that one has proved its key, or that answered the ping.
//
// Standing nodes have each other in their tables from the start, as they would after some time:
// meeting takes two signatures for each pair, which one process cannot make for a hundred nodes.
// Prints {"bootstrap": ENR} for the first node, and {"met": n}: how many the node knows that knows
// fewest.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const modules = process.env.KADISC_DISCOVER_MODULES
const require = createRequire(`${modules}/package.json`)
const load = (name) => import(pathOf(name))
const { Discv5 } = await load('@chainsafe/discv5')
const { ENR, SignableENR } = await load('@chainsafe/enr')
const { generateKeyPair, privateKeyFromRaw } = await load('@libp2p/crypto/keys')
const { multiaddr } = await load('@multiformats/multiaddr')

const ENTRY = 'net'
const PAUSE_MS = 20
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n')

// Modules that can only be imported: require.resolve does not find these.
function pathOf(name) {
  const [folder, entry] = name.startsWith('@libp2p/crypto/')
    ? ['@libp2p/crypto', './keys']
    : [name, '.']
  const about = require(`${modules}/node_modules/${folder}/package.json`)
  const target = about.exports[entry]
  return `${modules}/node_modules/${folder}/${target.import ?? target}`
}

function open(host, port, network, key, isPublic) {
  const enr = SignableENR.createFromPrivateKey(key)
  enr.set(ENTRY, Buffer.from(network))
  const address = multiaddr(`/ip4/${host}/udp/${port}`)
  if (isPublic) enr.setLocationMultiaddr(address)
  return { enr, privateKey: key, bindAddrs: { ip4: address } }
}

// The key of a standing node follows from its host, so that every process knows its ENR.
const keyOf = (host) => privateKeyFromRaw(createHash('sha256').update(host).digest())

const isOf = (enr, network) => Buffer.from(enr.kvs.get(ENTRY) ?? '').toString() === network

async function nodes({ hosts, port, all }) {
  const everybody = new Map()
  for (const [network, members] of Object.entries(all)) {
    for (const host of members) everybody.set(host, open(host, port, network, keyOf(host), true))
  }
  const records = new Map()
  for (const [host, { enr }] of everybody) records.set(host, ENR.decodeTxt(enr.encodeTxt()))
  const opened = []
  for (const host of hosts) {
    const node = Discv5.create(everybody.get(host))
    for (const [other, record] of records) if (other !== host) node.addEnr(record)
    await node.start()
    opened.push(node)
  }
  say({ bootstrap: opened[0].enr.encodeTxt() })
  say({ met: Math.min(...opened.map((node) => node.kadValues().length)) })
}

async function newcomer(network, bootstrap) {
  const key = await generateKeyPair('secp256k1')
  const node = Discv5.create(open('0.0.0.0', 0, network, key, false))
  const told = new Set()
  const asked = new Set()
  const tell = (enr) => {
    if (!isOf(enr, network) || told.has(enr.nodeId)) return
    told.add(enr.nodeId)
    say({ peer: enr.ip })
  }
  const first = ENR.decodeTxt(bootstrap)
  node.sessionService.on('established', (_address, enr) => tell(enr))
  node.on('discovered', (enr) => {
    if (asked.has(enr.nodeId) || !isOf(enr, network)) return
    asked.add(enr.nodeId)
    node.sendPing(enr).then(() => tell(enr), () => asked.delete(enr.nodeId))
  })
  process.on('SIGTERM', () => node.stop().then(() => process.exit(0)))
  await node.start()
  node.addEnr(first)
  for (;;) {
    await node.findRandomNode().catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}

const [role, ...rest] = process.argv.slice(2)
if (role === 'nodes') await nodes(JSON.parse(readFileSync(rest[0], 'utf8')))
else await newcomer(...rest)
