// Logs in with Chromium as a person would. argv: server URL, PKCE challenge, API key.
// The client's callback is served here, on an origin of its own, and sends the browser on to another, as clients' callbacks do.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

const [server, challenge, key] = process.argv.slice(2);
const listen = async (handler) => {
  const site = createServer(handler);
  await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
  return site;
};
const last = await listen((_, response) => response.end('<h1>You may close this page</h1>'));
const seen = [];
const callback = await listen((request, response) => {
  if (!request.url.startsWith('/callback')) return response.writeHead(404).end();
  seen.push({ url: new URL(request.url, 'http://127.0.0.1'), referer: request.headers.referer });
  response.writeHead(302, { Location: `http://localhost:${last.address().port}/done` }).end();
});
const redirect = `http://127.0.0.1:${callback.address().port}/callback`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});
try {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const faults = [];
  page.on('console', (message) => { if (/Content Security Policy|Refused/.test(message.text())) faults.push(message.text()); });

  const registered = await context.request.post(`${server}/oauth/register`, { data: { client_name: 'Browser Client', redirect_uris: ['http://127.0.0.1/callback'] } });
  assert.equal(registered.status(), 201);
  const { client_id } = await registered.json();
  const query = new URLSearchParams({
    response_type: 'code', client_id, redirect_uri: redirect, state: 's', code_challenge: challenge, code_challenge_method: 'S256', scope: 'tools:read',
  });

  await page.goto(`${server}/oauth/authorize?${query}`);
  await page.getByRole('heading', { name: 'Browser Client' }).waitFor();
  await page.getByText(`127.0.0.1:${callback.address().port}`).waitFor();
  const styled = await page.getByRole('button', { name: 'Allow' }).evaluate((button) => getComputedStyle(button).backgroundColor);
  assert.equal(styled, 'rgb(26, 95, 180)', 'the policy keeps the page from its own style');
  await page.getByLabel('Your API key').fill('tg_WRONG');
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.getByRole('alert').waitFor();
  await page.getByLabel('Your API key').fill(key);
  await page.keyboard.press('Enter'); // the first button, which allows
  await page.getByRole('heading', { name: 'You may close this page' }).waitFor();

  const cookies = await context.cookies(server);
  assert.deepEqual(cookies.map((c) => [c.httpOnly, c.sameSite, c.secure]), [[true, 'Lax', server.startsWith('https:')]]);
  assert.equal(seen[0].url.searchParams.get('iss'), server);
  assert.equal(seen[0].referer, undefined, 'the client learns where the person came from');
  assert.ok(seen[0].url.searchParams.get('code'));

  await page.goto(`${server}/oauth/authorize?${query}`);
  await page.getByRole('button', { name: 'Deny' }).click();
  await page.getByRole('heading', { name: 'You may close this page' }).waitFor();
  assert.equal(seen[1].url.searchParams.get('error'), 'access_denied');
  assert.deepEqual(faults, []);

  // Nobody frames it.
  await page.goto(`http://localhost:${last.address().port}/`);
  await page.setContent(`<iframe name="f" src="${server}/oauth/login?request=x"></iframe>`);
  await page.waitForFunction(() => document.querySelector('iframe').contentDocument === null);
  assert.equal(await page.frameLocator('iframe').getByRole('heading').count(), 0);
  console.log(JSON.stringify({ client_id, redirect, code: seen[0].url.searchParams.get('code') }));
} finally {
  await browser.close();
  callback.close();
  last.close();
}
