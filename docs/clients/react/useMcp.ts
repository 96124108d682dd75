// A React hook that keeps one session with a server for as long as the component is on the page.
import { useCallback, useEffect, useRef, useState } from 'react';
import { McpClient, type Tool, type ToolResult } from '../typescript/mcp-client.ts';

/** Where the connection stands. */
export type McpState =
  | { status: 'connecting' }
  | { status: 'ready'; server: string; tools: Tool[] }
  | { status: 'failed'; error: Error };

export type McpConnection = McpState & {
  /** Calls a tool; rejects until the status is ready. The function stays the same from render to render. */
  call: (tool: string, args?: Record<string, unknown>) => Promise<ToolResult>;
};

/**
 * Connects to the server's stream at url, such as http://localhost:3002/sse, and lists its tools, again whenever the
 * server says that they changed. Another url, or the component's end, closes the session.
 */
export function useMcp(url: string): McpConnection {
  const [state, setState] = useState<McpState>({ status: 'connecting' });
  const session = useRef<McpClient>(null);

  useEffect(() => {
    let current = true; // false once this session is not the component's any more
    const show = (next: McpState) => current && setState(next);
    const fail = (error: unknown) => show({ status: 'failed', error: error as Error });
    const list = async () => {
      const tools = await client.listTools();
      show({ status: 'ready', server, tools });
    };
    let server = '';
    const client = new McpClient(url, {
      onNotification: (method) => {
        if (method === 'notifications/tools/list_changed') list().catch(fail);
      },
    });
    const connect = async () => {
      server = (await client.connect()).serverInfo.name;
      session.current = client;
      await list();
    };
    setState({ status: 'connecting' });
    connect().catch(fail);
    return () => {
      current = false;
      session.current = null;
      client.close();
    };
  }, [url]);

  const call = useCallback(async (tool: string, args: Record<string, unknown> = {}) => {
    if (!session.current) throw new Error('not connected');
    return session.current.callTool(tool, args);
  }, []);
  return { ...state, call };
}
