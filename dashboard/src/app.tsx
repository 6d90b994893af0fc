// Owns the page as a whole: the head with the connection, the ways to the views, what must not be overlooked, and the view itself.

import { useEffect, useRef } from 'preact/hooks';
import { said } from './actions.ts';
import { Banners } from './parts/banners.tsx';
import { Connection } from './parts/connection.tsx';
import { DrainStrip } from './parts/drain-strip.tsx';
import { Empty } from './parts/empty.tsx';
import { Guard } from './parts/guard.tsx';
import { StateMark } from './parts/state.tsx';
import { ThemeToggle } from './parts/theme-toggle.tsx';
import { linkTo, type Place, place } from './router.ts';
import { leave, needsToken, problem, rows, staleMs, status, tick, who } from './store.ts';
import { AuditView } from './views/audit.tsx';
import { ConfigView } from './views/config.tsx';
import { Dialogs } from './views/dialogs.tsx';
import { ExplainView } from './views/explain.tsx';
import { HealthView } from './views/health.tsx';
import { Login } from './views/login.tsx';
import { Overview } from './views/overview.tsx';
import { PoolView } from './views/pool.tsx';
import { TrafficView } from './views/traffic.tsx';
import { WorldView } from './views/world.tsx';

const VIEWS = [
  ['', 'Overview'],
  ['traffic', 'Traffic'],
  ['world', 'World'],
  ['health', 'Health'],
  ['config', 'Config'],
  ['explain', 'Explain'],
  ['audit', 'Audit'],
] as const;
/** In the list at the side; all of them are in the overview. */
const MOST_POOLS = 14;

export function App() {
  if (problem.value !== '') return <Alone title="Not for this address" text={problem.value} />;
  if (needsToken.value) return <Login />;
  if (status.value === undefined) return <Alone title="Evenkeel" text="Asking the balancer…" />;
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        To the content
      </button>
      <Head />
      <div class="frame">
        <Side />
        <div class="content">
          <Banners />
          <DrainStrip />
          <View />
        </div>
      </div>
      <Dialogs />
      <div class="said" role="status">
        {said.value}
      </div>
    </>
  );
}

function skip(): void {
  document.getElementById('main')?.focus();
}

function Alone({ title, text }: { readonly title: string; readonly text: string }) {
  return (
    <main class="waiting">
      <h1>{title}</h1>
      <p role="status">{text}</p>
    </main>
  );
}

function Head() {
  const { name = '', asks = false, role = 'read' } = who.value ?? {};
  return (
    <header class="head">
      <a class="brand" href="#/">
        <svg viewBox="0 0 32 32" width="20" height="20" aria-hidden="true">
          <path d="M4 14h24l-4.500 8.500a4 4 0 0 1-3.500 2h-8a4 4 0 0 1-3.500-2z" fill="currentColor" />
          <path d="M16 4v8M11.500 8.500h9M16 25v4" stroke="currentColor" stroke-width="2.500" stroke-linecap="round" />
        </svg>
        Evenkeel
      </a>
      <Connection />
      <div class="head-end">
        <ThemeToggle />
        {asks && (
          <button type="button" class="plain" onClick={leave} title={`${name} may ${role}; forget the token`}>
            {name} <small>{role}</small> · leave
          </button>
        )}
      </div>
    </header>
  );
}

function Side() {
  void tick.value;
  const { view, parts } = place.value;
  const pools = [...rows.pools.values()];
  return (
    <nav class="side" aria-label="Views">
      <ul>
        {VIEWS.map(([name, title]) => (
          <li key={name}>
            <a href={linkTo(...(name === '' ? [] : [name]))} aria-current={view === name ? 'page' : undefined}>
              {title}
            </a>
          </li>
        ))}
      </ul>
      <h2>Pools</h2>
      <ul class="side-pools">
        {pools.slice(0, MOST_POOLS).map(({ name, endpoints, mode }) => {
          const out = endpoints.filter(({ state }) => state === 'down' || state === 'ejected').length;
          const state = mode === 'empty' ? 'down' : out > 0 || mode === 'panic' ? 'ejected' : 'up';
          return (
            <li key={name}>
              <a href={linkTo('pools', name)} aria-current={view === 'pools' && parts[0] === name ? 'page' : undefined}>
                <StateMark state={state} word={false} />
                <span class="side-name">{name}</span>
                {endpoints.some(({ slow }) => slow > 0) ? (
                  <small class="warn">slow</small>
                ) : (
                  <small>{endpoints.length}</small>
                )}
              </a>
            </li>
          );
        })}
        {pools.length > MOST_POOLS && (
          <li>
            <a href="#/">and {pools.length - MOST_POOLS} more</a>
          </li>
        )}
      </ul>
      <p class="side-foot">
        {status.value?.version}
        <br />
        <kbd>?</kbd> for keys
      </p>
    </nav>
  );
}

function View() {
  const main = useRef<HTMLElement>(null);
  const { view, parts } = place.value;
  const at = view === 'pools' ? `pools/${parts[0]}` : view;
  const was = useRef(at);
  useEffect(() => {
    if (was.current === at) return;
    was.current = at;
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [at]);
  return (
    <main id="main" tabIndex={-1} ref={main} class={staleMs.value > 0 ? 'stale' : ''}>
      <Guard key={at}>{viewOf(place.value)}</Guard>
    </main>
  );
}

function viewOf({ view, parts }: Place) {
  switch (view) {
    case '':
      return <Overview />;
    case 'pools':
      return <PoolView name={parts[0] ?? ''} address={parts[1]} key={parts[0]} />;
    case 'traffic':
      return <TrafficView />;
    case 'world':
      return <WorldView />;
    case 'health':
      return <HealthView />;
    case 'config':
      return <ConfigView />;
    case 'explain':
      return <ExplainView />;
    case 'audit':
      return <AuditView />;
    default:
      return (
        <Empty title="There is no such view">
          <a href="#/">Back to the overview</a>
        </Empty>
      );
  }
}
