// Vercel AI SDK: its own MCP client and transports. argv: transport url
import { exercise, row } from './lib.mjs';
import { createMCPClient } from '@ai-sdk/mcp';
const [transport, url] = process.argv.slice(2);
await row('ai-sdk', transport, async () => {
  let c, tools;
  return exercise({
    async initialize() {
      c = await createMCPClient({ transport: { type: transport, url } });
      return '';
    },
    async listTools() {
      tools = await c.tools();
      return Object.keys(tools).map((name) => ({ name }));
    },
    async callTool(name, args) {
      if (tools[name]) return tools[name].execute(args, { toolCallId: 'x', messages: [] });
      return c.callTool({ name, args, arguments: args, options: {} });
    },
    close: () => c.close(),
  });
});
process.exit(0);
