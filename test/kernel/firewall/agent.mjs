// Runs inside one namespace of the lab: answers on TCP and UDP port 80 with its own name and the address it was asked
// from, and asks others on command. Commands and results are JSON lines on standard input and output.
import { createSocket } from 'node:dgram';
import { connect, createServer, isIPv6 } from 'node:net';
import { createInterface } from 'node:readline';

const [name, ...extraPorts] = process.argv.slice(2);
const timeoutMs = 300;
const plain = (address) => address.replace(/^::ffff:/, '');

for (const port of [80, ...extraPorts.map(Number)]) {
  createServer((socket) => socket.on('error', () => {}).end(`${name} ${plain(socket.remoteAddress)}`)).listen(
    port,
    '::',
  );
}
const udp = createSocket({ type: 'udp6' });
udp.on('message', (_, from) => udp.send(`${name} ${plain(from.address)}`, from.port, from.address));
udp.bind(80, '::');

function askTcp({ address, port, from }) {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, ...(from === undefined ? {} : { localAddress: from }) });
    const timer = setTimeout(() => finish('timeout'), timeoutMs);
    let text = '';
    function finish(answer) {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    }
    socket.on('data', (data) => (text += data));
    socket.on('end', () => finish(text));
    socket.on('error', (error) => finish(error.code));
  });
}

function askUdp({ address, port }) {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => finish('timeout'), timeoutMs);
    function finish(answer) {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    }
    socket.on('message', (data) => finish(data.toString()));
    socket.on('error', (error) => finish(error.code));
    // Connected, so that an answer from another address is not accepted and ICMP errors are reported.
    socket.connect(port, address, (error) => (error ? finish(error.code) : socket.send('?')));
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...question } = JSON.parse(line);
  const asked = question.protocol === 'udp' ? askUdp(question) : askTcp(question);
  void asked.then((answer) => process.stdout.write(`${JSON.stringify({ id, answer })}\n`));
}
process.exit(0);
