// What docs/clients promises of the TypeScript client, against a real server. argv: folder, server URL
import assert from 'node:assert/strict';
import { createServer, request as ask } from 'node:http';
import { EventSource } from 'eventsource';

const [dir, server] = process.argv.slice(2);
const { McpClient, McpError } = await import(`${dir}/mcp-client.ts`);

// A proxy that remembers the requests it passed on, and the streams it holds.
const seen = [];
const streams = new Set();
let onPosted = () => {};
const proxy = createServer((request, response) => {
  seen.push(request);
  const on = ask(server + request.url, { method: request.method, headers: request.headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    response.flushHeaders();
    answer.pipe(response);
    if (request.method === 'POST') return onPosted();
    const stream = { answer, response };
    streams.add(stream);
    response.on('close', () => streams.delete(stream));
  });
  on.on('error', () => response.destroy());
  response.on('close', () => on.destroy());
  request.pipe(on);
});
await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${proxy.address().port}/sse`;

// An EventSource that tells when it lost its stream.
let onLost = () => {};
class Watched extends EventSource {
  constructor(...args) {
    super(...args);
    this.addEventListener('error', () => onLost());
  }
}

const client = new McpClient(url, { EventSource: Watched, headers: { 'X-Example': 'yes' } });
const { serverInfo } = await client.connect();
assert.equal(serverInfo.name, 'toolgate');

// Many requests at once, each with its own answer.
const upper = async (text) => (await client.callTool('uppercase_text', { text })).content[0].text;
const texts = Array.from({ length: 20 }, (_, i) => `text number ${i}`);
assert.deepEqual(await Promise.all(texts.map(upper)), texts.map((text) => text.toUpperCase()));

// The server's refusal is an McpError; a tool's own failure is a result.
await assert.rejects(client.callTool('no_such_tool'), (e) => e instanceof McpError && e.code === -32602);
assert.equal((await client.callTool('get_user', { user_identity: 'nobody-at-all' })).isError, true);
assert.ok((await client.listTools()).some((tool) => tool.name === 'get_user'));

// Headers went with every request.
for (const { method, headers } of seen) assert.equal(headers['x-example'], 'yes', method);

// A lost stream opens again by itself, and brings what was under way. The answer to the first call is held back until the
// stream that it is on is cut; the second is asked while there is none.
for (const { answer, response } of streams) answer.unpipe(response);
const held = upper('under way');
await new Promise((resolve) => {
  onPosted = resolve;
});
const lost = new Promise((resolve) => {
  onLost = resolve;
});
for (const { response } of streams) response.destroy();
await lost;
assert.deepEqual(await Promise.all([held, upper('asked in between')]), ['UNDER WAY', 'ASKED IN BETWEEN']);

// Closing ends what waits and what comes after.
const waiting = client.request('ping');
client.close();
await assert.rejects(waiting);
await assert.rejects(client.request('ping'), /closed/);

// A server that has no stream there.
await assert.rejects(new McpClient(`${server}/health`, { EventSource }).connect(), /no event stream at/);

proxy.closeAllConnections();
proxy.close();
