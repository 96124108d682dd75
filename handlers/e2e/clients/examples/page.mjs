// Drives the TypeScript example's page as a person would. argv: folder, server URL
import { visit } from './site.mjs';

const [dir, server] = process.argv.slice(2);

await visit(dir, new URLSearchParams({ server: `${server}/sse` }), async (page) => {
  await page.getByText('connected to toolgate', { exact: true }).waitFor();
  await page.getByRole('listitem').getByText('get_user', { exact: true }).waitFor();
  await page.getByLabel('Text').fill('from a page');
  await page.getByRole('button', { name: 'Call uppercase_text' }).click();
  await page.getByText('FROM A PAGE', { exact: true }).waitFor();
});

// A server that has no stream there.
await visit(dir, new URLSearchParams({ server: `${server}/health` }), async (page) => {
  await page.getByText('no event stream at').waitFor();
});
