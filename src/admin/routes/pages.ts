// Owns serving the pages of the dashboard, and what somebody sees who opens the address in a browser or with curl.

import type { AdminApp, AdminParts } from '../context.ts';

const TEXT = `Evenkeel admin

/dashboard               what happens, live, for browsers
/api/v1/openapi.json     everything there is, for programs
/metrics                 Prometheus text
/status                  the whole status as JSON
/latency                 how far client networks are, as measured here
`;

export function addPageRoutes(app: AdminApp, { pages }: AdminParts): void {
  app.get('/', (c) => {
    const wantsPage = (c.req.header('accept') ?? '').includes('text/html');
    return wantsPage ? c.redirect('/dashboard/') : c.text(TEXT);
  });
  app.get('/dashboard', (c) => c.redirect('/dashboard/'));
  app.get('/dashboard/*', async (c) => {
    const path = c.req.path.slice('/dashboard/'.length);
    const page = await pages(path === '' ? 'index.html' : path);
    if (page === undefined) return c.notFound();
    return c.body(page.body, 200, { 'content-type': page.type, 'cache-control': 'no-cache' });
  });
}
