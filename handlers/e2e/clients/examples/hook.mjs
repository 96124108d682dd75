// Drives the React example's page: connect, call, go to a server that is none, come back, and leave. argv: folder, server URL
import { visit } from './site.mjs';

const [dir, server] = process.argv.slice(2);
const stream = `${server}/sse`;
const go = (page, hash) => page.evaluate((to) => void (location.hash = to), hash);

await visit(dir, new URLSearchParams({ server: stream }), async (page) => {
  const connected = page.getByRole('status').getByText('connected to toolgate', { exact: true });
  await connected.waitFor();
  await page.getByRole('listitem').getByText('get_user', { exact: true }).waitFor();
  await page.getByLabel('Text').fill('from a hook');
  await page.getByRole('button', { name: 'Call uppercase_text' }).click();
  await page.getByText('FROM A HOOK', { exact: true }).waitFor();

  // Another URL closes the session, and a fault of the new one is shown.
  const left = () => page.waitForEvent('requestfailed', (request) => request.url() === stream);
  await Promise.all([left(), go(page, `${server}/health`)]);
  await page.getByRole('alert').getByText(`no event stream at ${server}/health`).waitFor();

  await go(page, stream);
  await connected.waitFor();

  // So does the component's end.
  await Promise.all([left(), go(page, 'off')]);
  await page.getByRole('status').getByText('off', { exact: true }).waitFor();
});
