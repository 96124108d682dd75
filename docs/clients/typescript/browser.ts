// The page index.html: lists the tools of the server named in ?server=URL, and calls uppercase_text.
import { McpClient } from './mcp-client.ts';

const server = new URLSearchParams(location.search).get('server') ?? 'http://localhost:3002/sse';
const status = document.querySelector('output')!;
const tools = document.querySelector('ul')!;
const form = document.querySelector('form')!;

const client = new McpClient(server);
addEventListener('pagehide', () => client.close());

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = new FormData(form).get('text');
  try {
    const result = await client.callTool('uppercase_text', { text });
    status.textContent = result.content[0]?.text ?? '';
  } catch (error) {
    status.textContent = String(error);
  }
});

try {
  const { serverInfo } = await client.connect();
  for (const tool of await client.listTools()) {
    tools.append(Object.assign(document.createElement('li'), { textContent: tool.name, title: tool.description }));
  }
  status.textContent = `connected to ${serverInfo.name}`;
  form.querySelector('button')!.disabled = false;
} catch (error) {
  status.textContent = String(error);
}
