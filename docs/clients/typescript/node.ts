// Calls one tool from Node: node node.ts URL TOOL [JSON]
import { EventSource } from 'eventsource';
import { McpClient } from './mcp-client.ts';

const [url = 'http://localhost:3002/sse', tool = 'uppercase_text', json = '{"text": "hello world"}'] =
  process.argv.slice(2);

// MCP_KEY is needed where the server asks for an API key.
const key = process.env.MCP_KEY;
const client = new McpClient(url, { EventSource, headers: key ? { Authorization: `Bearer ${key}` } : {} });
const { serverInfo, protocolVersion } = await client.connect();
console.log(`${serverInfo.name} ${serverInfo.version}, protocol ${protocolVersion}`);
try {
  const result = await client.callTool(tool, JSON.parse(json));
  for (const block of result.content) console.log(block.text ?? block);
  if (result.isError) process.exitCode = 1;
} finally {
  client.close();
}
