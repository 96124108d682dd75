// The TypeScript SDK's own OAuth client against an MCP server, as an application uses it. argv: version(v1|v2|sse) url client-id redirect-url
// Whoever started this is the browser: a line "authorize URL" asks it to log in there, and the next line of stdin is the code
// that the redirect carried. What happens is told line by line; the last line is "done".
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

const [version, url, clientId, redirectUrl] = process.argv.slice(2);
const sdk =
  version !== 'v2'
    ? {
        ...(await import('@modelcontextprotocol/sdk/client/index.js')),
        ...(await import('@modelcontextprotocol/sdk/client/streamableHttp.js')),
        ...(await import('@modelcontextprotocol/sdk/client/sse.js')),
        ...(await import('@modelcontextprotocol/sdk/client/auth.js')),
      }
    : await import('@modelcontextprotocol/client');

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (...words) => console.log(...words);

// What an application keeps for its user.
const kept = {};
const provider = {
  get redirectUrl() {
    return redirectUrl;
  },
  get clientMetadata() {
    return { client_name: 'e2e', redirect_uris: [redirectUrl], token_endpoint_auth_method: 'none' };
  },
  clientInformation: () => kept.client ?? { client_id: clientId },
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens(tokens) {
    kept.tokens = tokens;
    say('token', tokens.refresh_token ? 'with' : 'without', 'refresh');
  },
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  codeVerifier: () => kept.verifier,
  discoveryState: () => kept.discovery,
  saveDiscoveryState: (discovery) => void (kept.discovery = discovery),
  async redirectToAuthorization(to) {
    say('authorize', to.href);
  },
};

const Transport = version === 'sse' ? sdk.SSEClientTransport : sdk.StreamableHTTPClientTransport;
const transport = () => new Transport(new URL(url), { authProvider: provider });

// login does a thing, and where the person has to log in first, has them do that and does it again.
async function login(current, thing) {
  try {
    return await thing(current());
  } catch (e) {
    if (!(e instanceof sdk.UnauthorizedError)) throw e;
    const { value: code } = await lines.next();
    await current(true).finishAuth(code);
    return await thing(current());
  }
}

let t = transport();
let client = new sdk.Client({ name: 'e2e', version: '1' });
await login(
  (spent) => (spent ? t : (t = transport())),
  async () => {
    client = new sdk.Client({ name: 'e2e', version: '1' });
    await client.connect(t);
  },
);
const session = t.sessionId;
say('connected');
const call = async (name) => (await client.callTool({ name, arguments: {} })).content[0].text;
say('read', await call('read_orders'));
if (version === 'sse') { // that transport does not ask for more
  await client.close();
  say('done');
  process.exit(0);
}
say('write', await login(() => t, () => call('cancel_order')));

// Until the token is over, and the second that the server allows for clocks that differ.
const { exp } = JSON.parse(Buffer.from(kept.tokens.access_token.split('.')[1], 'base64url'));
await wait(Math.max(0, exp * 1000 + 1200 - Date.now()));
say('later', await call('cancel_order'));
say('session', t.sessionId === session ? 'same' : 'another');
await client.close();
say('done');
process.exit(0);
