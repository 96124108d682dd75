// A client that logs in by OAuth with the TypeScript SDK, told what to do by one line of JSON after the other on stdin, and
// answering each with one on stdout. argv: server URL, redirect URL, and the URL of the client's own document, if it has one.
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [server, redirectUrl, clientMetadataUrl] = process.argv.slice(2);
const kept = {};
let authorize; // where the person is to go
const provider = {
  redirectUrl,
  clientMetadataUrl,
  clientMetadata: {
    client_name: 'SDK Client',
    redirect_uris: [redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  },
  state: () => 'state-of-the-sdk',
  clientInformation: () => kept.client,
  saveClientInformation: (v) => { kept.client = v; },
  tokens: () => kept.tokens,
  saveTokens: (v) => { kept.tokens = v; },
  saveCodeVerifier: (v) => { kept.verifier = v; },
  codeVerifier: () => kept.verifier,
  redirectToAuthorization: (url) => { authorize = url.href; },
  invalidateCredentials: (scope) => {
    if (scope === 'all' || scope === 'client') delete kept.client;
    if (scope === 'all' || scope === 'tokens') delete kept.tokens;
  },
};

let transport;
let client;
const open = async () => {
  await client?.close().catch(() => {});
  authorize = undefined;
  transport = new StreamableHTTPClientTransport(new URL(server), { authProvider: provider });
  client = new Client({ name: 'front', version: '1' });
  await client.connect(transport);
  return { connected: true };
};
const commands = {
  open,
  // finish takes the code that the browser brought back.
  finish: async ({ code }) => {
    await transport.finishAuth(code);
    return open();
  },
  call: async ({ text }) => {
    const result = await client.callTool({ name: 'uppercase_text', arguments: { text } });
    return { text: result.content[0].text };
  },
  kept: async () => ({ tokens: kept.tokens, client: kept.client }),
  wait: async ({ ms }) => { await pause(ms); return {}; },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...args } = JSON.parse(line);
  let answer;
  try {
    answer = await commands[name](args);
  } catch (error) {
    answer = { error: `${error.constructor.name}: ${error.message}` };
  }
  console.log(JSON.stringify({ ...answer, authorize }));
}
await client?.close().catch(() => {});
process.exit(0);
