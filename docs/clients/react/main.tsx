// The page index.html: shows the server named in ?server=URL, and goes on to another when #URL is put behind it.
import { StrictMode, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App.tsx';

const named = new URLSearchParams(location.search).get('server') ?? 'http://localhost:3002/sse';

function onHashChange(changed: () => void) {
  addEventListener('hashchange', changed);
  return () => removeEventListener('hashchange', changed);
}

function Page() {
  const hash = useSyncExternalStore(onHashChange, () => location.hash);
  if (hash === '#off') return <p role="status">off</p>;
  return <App url={hash.slice(1) || named} />;
}

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
