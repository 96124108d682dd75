// Inspector 2.x web UI in headless Chromium, through its documented deep link and data-testid contract; the tool form is
// driven as a person would.
// argv: sseUrl mcpUrl
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { chromium } from 'playwright-core';
import { child, home, isWanted, report, short, timeout } from './lib.mjs';
const urls = { sse: process.argv[2], http: process.argv[3] };
const NAME = 'inspector-web-2.12';
const free = () =>
  new Promise((r) => {
    const s = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => r(port));
    });
  });
const dir = mkdtempSync(`${tmpdir()}/mcp-inspweb-`),
  token = randomBytes(32).toString('hex');
const port = await free(),
  sandbox = await free();
writeFileSync(`${dir}/mcp.json`, '{"mcpServers":{}}');
const ui = child(
  process.execPath,
  [`${home}/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js`, '--web'],
  {
    cwd: dir,
    env: {
      ...process.env,
      HOME: dir,
      MCP_CATALOG_PATH: `${dir}/mcp.json`,
      CLIENT_PORT: `${port}`,
      MCP_SANDBOX_PORT: `${sandbox}`,
      HOST: '127.0.0.1',
      MCP_INSPECTOR_API_TOKEN: token,
      MCP_AUTO_OPEN_ENABLED: 'false',
      MCP_INSPECTOR_SECRET_STORE: 'memory',
      NO_COLOR: '1',
    },
  },
);
const up = new Promise((resolve, reject) => {
  let out = '';
  ui.stdout.on('data', (d) => {
    out += d;
    if (out.includes('up and running')) resolve();
  });
  ui.exited.then(() => reject(new Error('the inspector ended')));
});
up.catch(() => {});
let b;
try {
  await timeout(up, 20000, 'inspector start').catch((e) => {
    throw new Error(`${e.message}: ${ui.err.slice(-200)}`);
  });
  b = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]',
    ],
  });
  for (const t of ['sse', 'http'].filter((x) => isWanted(NAME, x))) {
    const page = await b.newPage({ viewport: { width: 1400, height: 900 } });
    try {
      await page.goto(
        `http://127.0.0.1:${port}/?serverUrl=${encodeURIComponent(urls[t])}&transport=${t}&autoConnect=${token}`,
      );
      const st = page.getByTestId('connection-status');
      await page
        .waitForFunction(
          () =>
            ['connected', 'error'].includes(document.querySelector('[data-testid=connection-status]')?.dataset.status),
          null,
          { timeout: 15000 },
        )
        .catch(() => {});
      if ((await st.getAttribute('data-status')) !== 'connected')
        throw new Error(
          `connect: ${await st.getAttribute('data-status')}: ${await st.getAttribute('data-error-message')}`,
        );
      const ver = /MCP (\d{4}-\d\d-\d\d)/.exec(await page.locator('body').innerText())?.[1] ?? '';
      await page.getByText('Tools', { exact: true }).first().click({ timeout: 6000 });
      await page.getByRole('button', { name: 'uppercase_text' }).first().click({ timeout: 6000 });
      await page.getByLabel(/^text/).first().fill('hello world', { timeout: 6000 });
      await page.getByRole('button', { name: 'Execute Tool' }).click({ timeout: 6000 });
      await page.getByText('HELLO WORLD', { exact: true }).first().waitFor({ timeout: 8000 });
      if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/inspector-web-${t}.png` });
      await page.getByRole('button', { name: 'Disconnect from server' }).click({ timeout: 6000 });
      await page.waitForFunction(
        () => document.querySelector('[data-testid=connection-status]')?.dataset.status !== 'connected',
        null,
        { timeout: 6000 },
      );
      report(NAME, t, true, `${ver} [connect list call close]`);
    } catch (e) {
      if (process.env.SHOTS)
        await page.screenshot({ path: `${process.env.SHOTS}/inspector-web-${t}-fail.png` }).catch(() => {});
      report(NAME, t, false, short(e));
    } finally {
      await page.close().catch(() => {});
    }
  }
} catch (e) {
  for (const t of ['sse', 'http']) report(NAME, t, false, short(e));
} finally {
  await b?.close().catch(() => {});
  await ui.end(300);
  rmSync(dir, { recursive: true, force: true });
}
process.exit(0);
