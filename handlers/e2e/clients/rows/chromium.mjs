// A real browser page on another origin than the server: native EventSource + fetch, and both official SDKs bundled.
// argv: sseUrl mcpUrl
import http from 'node:http';
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { report, short, timeout } from './lib.mjs';
const [sse, mcp] = process.argv.slice(2);
const rows = process.env.MCP_MATRIX_ROWS.split(',').map((r) => r.split(' '));
const js = readFileSync(new URL('./browser-native.js', import.meta.url)),
  bundle = readFileSync(process.env.MCP_CLIENTS_BUNDLE);
const site = http.createServer((q, r) => {
  if (q.url === '/') {
    r.setHeader('content-type', 'text/html');
    r.end(
      '<!doctype html><meta charset=utf-8><link rel=icon href=data:,><title>client page</title><script src=/native.js></script><script type=module src=/sdk.js></script>',
    );
  } else {
    r.setHeader('content-type', 'text/javascript');
    r.end(q.url === '/native.js' ? js : bundle);
  }
});
await new Promise((r) => site.listen(0, '127.0.0.1', r));
const origin = `http://localhost:${site.address().port}`; // a different origin from any server URL
let b;
try {
  b = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--ignore-certificate-errors',
      '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]',
    ],
  });
} catch (e) {
  for (const [c, t] of rows) report(c, t, false, `chromium: ${short(e)}`);
  process.exit(0);
}
for (const [c, t] of rows) {
  const page = await b.newPage();
  const con = [];
  page.on('console', (m) => {
    if (m.type() === 'error') con.push(m.text());
  });
  try {
    await page.goto(origin);
    await page.waitForFunction(() => globalThis.sdk2 && globalThis.nativeSse, null, { timeout: 8000 });
    const url = t === 'sse' ? sse : mcp;
    const detail = await timeout(
      page.evaluate(
        ([client, tr, u]) =>
          client === 'chromium-eventsource'
            ? globalThis.nativeSse(u)
            : client === 'chromium-fetch'
              ? globalThis.nativeHttp(u)
              : client.includes('1.32')
                ? globalThis.sdk1(tr, u)
                : globalThis.sdk2(
                    tr,
                    u,
                    client.endsWith('auto') ? 'auto' : client.endsWith('pin2026') ? { pin: '2026-07-28' } : undefined,
                  ),
        [c, t, url],
      ),
      20000,
      'page',
    );
    report(c, t, true, detail);
  } catch (e) {
    report(
      c,
      t,
      false,
      short(e) +
        (con.length
          ? ` | console: ${con
              .map((x) => x.replace(/\s+/g, ' '))
              .join(' ; ')
              .slice(0, 260)}`
          : ''),
    );
  } finally {
    await page.close().catch(() => {});
  }
}
await b.close();
site.close();
process.exit(0);
