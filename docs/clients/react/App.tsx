import { type SubmitEvent, useState } from 'react';
import { useMcp } from './useMcp.ts';

/** Lists a server's tools and calls one of them. */
export function App({ url }: { url: string }) {
  const mcp = useMcp(url);
  const [answer, setAnswer] = useState('');

  if (mcp.status === 'connecting') return <p role="status">connecting</p>;
  if (mcp.status === 'failed') return <p role="alert">{mcp.error.message}</p>;

  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = new FormData(event.currentTarget).get('text');
    try {
      const result = await mcp.call('uppercase_text', { text });
      setAnswer(result.content[0]?.text ?? '');
    } catch (error) {
      setAnswer(String(error));
    }
  };
  return (
    <>
      <p role="status">connected to {mcp.server}</p>
      <form onSubmit={submit}>
        <label>
          Text <input name="text" defaultValue="hello world" />
        </label>
        <button>Call uppercase_text</button>
      </form>
      <output>{answer}</output>
      <ul>
        {mcp.tools.map((tool) => (
          <li key={tool.name} title={tool.description}>
            {tool.name}
          </li>
        ))}
      </ul>
    </>
  );
}
