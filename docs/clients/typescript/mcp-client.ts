// An MCP client for Toolgate's HTTP+SSE transport: answers come over one event stream, messages go out as POSTs. It needs
// nothing but fetch and EventSource, and runs in browsers as it is. Node has no EventSource of its own: see node.ts.

/** The newest protocol revision this client speaks. */
const PROTOCOL_VERSION = '2025-11-25';

/** The readyState of an EventSource that will not try again. */
const CLOSED = 2;

/** What waits for the endpoint waits under this id; requests count from 1. */
const OPENING = 0;

export interface Tool {
  name: string;
  title?: string;
  description?: string;
  inputSchema: Record<string, unknown>;
}

export interface ToolResult {
  content: { type: string; text?: string }[];
  structuredContent?: unknown;
  /** The tool says that it failed; its content says why. */
  isError?: boolean;
}

export interface ServerInfo {
  protocolVersion: string;
  capabilities: Record<string, unknown>;
  serverInfo: { name: string; version: string };
  instructions?: string;
}

/** What the client needs of an EventSource. */
export interface EventStream {
  readonly readyState: number;
  onerror: ((event: never) => unknown) | null;
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

export interface Options {
  clientInfo?: { name: string; version: string };
  /** Milliseconds that a request may take; 30 000 unless given. */
  timeout?: number;
  /** Sent with every request, such as an Authorization. A browser's own EventSource can send none: pass another below. */
  headers?: Record<string, string>;
  /** The class to open the stream with; the environment's own unless given. */
  EventSource?: new (url: string, init: { fetch: typeof fetch }) => EventStream;
  /** Told of each notification the server sends. */
  onNotification?: (method: string, params: unknown) => void;
}

/** The error that the server answered a request with. */
export class McpError extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(error: { code: number; message: string; data?: unknown }) {
    super(error.message);
    this.name = 'McpError';
    this.code = error.code;
    this.data = error.data;
  }
}

interface Message {
  id?: number | string | null;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: { code: number; message: string; data?: unknown };
}

interface Pending {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
}

/** One session with a server. A client connects once; after close, make another. */
export class McpClient {
  readonly #url: string;
  readonly #options: Options;
  readonly #pending = new Map<number, Pending>();
  #stream?: EventStream;
  #opened?: Promise<unknown>; // settles once the stream has said where to post
  #endpoint = '';
  #version = '';
  #lastId = 0;
  #closed?: Error;

  /** @param url the server's stream, such as http://localhost:3002/sse */
  constructor(url: string, options: Options = {}) {
    this.#url = url;
    this.#options = options;
  }

  /** Opens the stream and introduces the client. Call it first, and once. */
  async connect(): Promise<ServerInfo> {
    try {
      this.#open();
      const server = await this.request<ServerInfo>('initialize', {
        protocolVersion: PROTOCOL_VERSION,
        capabilities: {},
        clientInfo: this.#options.clientInfo ?? { name: 'toolgate-example', version: '1.0.0' },
      });
      this.#version = server.protocolVersion;
      await this.notify('notifications/initialized');
      return server;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Sends a request and waits for its answer. Rejects with an McpError if the server refuses it. */
  async request<T>(method: string, params?: unknown): Promise<T> {
    if (this.#closed) throw this.#closed;
    await this.#within(this.#opened ?? Promise.reject(new Error('connect first')), method);
    const id = ++this.#lastId;
    const answer = new Promise<unknown>((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    answer.catch(() => {}); // the POST may fail first, and then nobody waits for the answer
    try {
      await this.#post({ jsonrpc: '2.0', id, method, params });
      return (await this.#within(answer, method)) as T;
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Sends a message that has no answer. */
  async notify(method: string, params?: unknown): Promise<void> {
    await this.#post({ jsonrpc: '2.0', method, params });
  }

  async listTools(): Promise<Tool[]> {
    const tools: Tool[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.request<{ tools: Tool[]; nextCursor?: string }>('tools/list', { cursor });
      tools.push(...page.tools);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return tools;
  }

  async callTool(name: string, args: Record<string, unknown> = {}): Promise<ToolResult> {
    return this.request<ToolResult>('tools/call', { name, arguments: args });
  }

  /** Ends the session. What still waits for an answer is rejected. */
  close(): void {
    this.#fail(new Error('the client is closed'));
  }

  #open(): void {
    const Stream = this.#options.EventSource ?? (globalThis.EventSource as unknown as Options['EventSource']);
    if (!Stream) throw new Error('no EventSource here: pass one in options.EventSource');
    const withHeaders: typeof fetch = (input, init) =>
      fetch(input, { ...init, headers: { ...(init?.headers as Record<string, string>), ...this.#options.headers } });
    const stream = new Stream(this.#url, { fetch: withHeaders });
    this.#stream = stream;
    this.#expectEndpoint();
    stream.addEventListener('message', (event) => this.#receive(JSON.parse(event.data) as Message));
    stream.addEventListener('endpoint', (event) => {
      const { href: endpoint, origin } = new URL(event.data, this.#url);
      if (origin !== new URL(this.#url).origin) return this.#fail(new Error(`the server sends us elsewhere: ${endpoint}`));
      const opening = this.#pending.get(OPENING);
      this.#pending.delete(OPENING);
      // Another endpoint than before is another session, which knows nothing of what the last one was asked.
      if (this.#endpoint && this.#endpoint !== endpoint) this.#forget(new Error('the session was lost: ask again'));
      this.#endpoint = endpoint;
      opening?.resolve(undefined);
    });
    stream.onerror = () => {
      if (stream.readyState === CLOSED) this.#fail(new Error(`no event stream at ${this.#url}`));
      else if (!this.#pending.has(OPENING)) this.#expectEndpoint(); // lost, and it opens again by itself
    };
  }

  /** Makes what is asked from now on wait for the stream. */
  #expectEndpoint(): void {
    this.#opened = new Promise((resolve, reject) => this.#pending.set(OPENING, { resolve, reject }));
    this.#opened.catch(() => {}); // nobody may be waiting
  }

  async #post(message: object): Promise<void> {
    if (this.#closed) throw this.#closed;
    const response = await fetch(this.#endpoint, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(this.#version && { 'MCP-Protocol-Version': this.#version }),
        ...this.#options.headers,
      },
      body: JSON.stringify(message),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`the server answered ${response.status}: ${text}`);
  }

  #receive(message: Message): void {
    if (message.method !== undefined && message.id !== undefined) {
      // Servers may ping their clients; this one offers nothing else that could be asked for.
      const answer =
        message.method === 'ping' ? { result: {} } : { error: { code: -32601, message: 'method not found' } };
      this.#post({ jsonrpc: '2.0', id: message.id, ...answer }).catch(() => {});
    } else if (message.method !== undefined) {
      this.#options.onNotification?.(message.method, message.params);
    } else {
      const pending = this.#pending.get(message.id as number);
      if (message.error) pending?.reject(new McpError(message.error));
      else pending?.resolve(message.result);
    }
  }

  async #within<T>(promise: Promise<T>, what: string): Promise<T> {
    const limit = this.#options.timeout ?? 30_000;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what}: no answer in ${limit} ms`)), limit);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #forget(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #fail(error: Error): void {
    if (this.#closed) return;
    this.#closed = error;
    this.#stream?.close();
    this.#forget(error);
  }
}
