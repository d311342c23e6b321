/**
 * Runs INSIDE the sandbox in the fetch phase: 127.0.0.1:PORT → the unix socket of the registry front outside.
 * Arguments: PORT SOCKET. Prints one line when it listens.
 */
import { connect, createServer } from 'node:net';

const [port, socket] = process.argv.slice(2);
const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect(socket as string);
  client.pipe(upstream).pipe(client);
  client.on('error', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
});
server.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
