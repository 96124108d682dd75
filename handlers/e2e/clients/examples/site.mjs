// A folder served on an origin of its own, and a browser to open it in.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { chromium } from 'playwright-core';

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript' };

// visit opens the folder's index.html in Chromium with query and hands test the page. The page's origin is never the
// server's. Whatever the page reports as an error is an error here.
export async function visit(dir, query, test) {
  const site = createServer((request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname;
    const file = join(dir, normalize(path.endsWith('/') ? `${path}index.html` : path));
    response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
    response.end(readFileSync(file));
  });
  await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(20_000);
    const errors = [];
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(`http://localhost:${site.address().port}/?${query}`);
    await test(page);
    if (errors.length) throw new Error(`the page reported: ${errors.join('; ')}`);
  } finally {
    await browser.close();
    site.close();
  }
}
