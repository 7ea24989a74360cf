// From nothing but the address to a tool call, and to the end of it: the OAuth clients of the TypeScript SDK and
// mcp-remote, with somebody who presses the buttons in a real browser.
//
//   node oauth.mjs http://127.0.0.1:4000 E-MAIL PASSWORD

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [base, email, password] = process.argv.slice(2);
const url = new URL('/mcp', base);
const flags = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags });
const window = await browser.newContext({ baseURL: base });
const page = await window.newPage();
const complaints = [];
page.on('console', (message) => message.type() === 'error' && !/404|ERR_/.test(message.text()) && complaints.push(message.text()));

/** Somebody follows the program's address, signs in if they have to, reads, and says yes or no. */
async function decide(address, name, button = 'Allow') {
  await page.goto(String(address));
  if (new URL(page.url()).pathname === '/login') {
    await page.fill('input[name=email]', email);
    await page.fill('input[name=password]', password);
    await page.click('form button.primary');
    await page.waitForURL(/\/oauth\/authorize/);
  }
  assert.ok((await page.locator('h1').innerText()).includes(name), await page.locator('h1').innerText());
  await page.getByRole('button', { name: button, exact: true }).click();
}

/** Where the program waits for the answer; `answer()` is the query that it gets. */
async function callback() {
  let told;
  const answered = new Promise((resolve) => { told = resolve; });
  const server = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://127.0.0.1');
    if (pathname !== '/callback') return response.end('You can close this window.');
    told(searchParams);
    // Many programs send people on, to a page of their own.
    response.writeHead(302, { Location: `http://localhost:${server.address().port}/done` }).end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `http://127.0.0.1:${server.address().port}/callback`, answer: () => answered, close: () => server.close() };
}

/** What a program remembers, as the SDK asks for it. */
function memory(name, redirectUrl) {
  const kept = { asked: [] };
  return {
    kept,
    redirectUrl,
    clientMetadata: { client_name: name, redirect_uris: [redirectUrl], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none' },
    clientInformation: () => kept.client,
    saveClientInformation: (client) => { kept.client = client; },
    tokens: () => kept.tokens,
    saveTokens: (tokens) => { kept.tokens = tokens; },
    redirectToAuthorization: (address) => { kept.asked.push(address); },
    saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
    codeVerifier: () => kept.verifier,
    invalidateCredentials: (what) => { if (what === 'all' || what === 'tokens') delete kept.tokens; },
  };
}

/** In the page of connections: ends the one of that name. */
async function disconnect(name) {
  await page.goto('/settings/connections');
  await page.getByRole('button', { name: `Disconnect ${name}`, exact: true }).click();
  await page.getByRole('button', { name: `Remove ${name}`, exact: true }).waitFor();
}

const use = async (client) => {
  const names = (await client.listTools()).tools.map((tool) => tool.name);
  assert.ok(names.includes('auth_me') && !names.some((name) => name.includes('.')), 'names that model interfaces take');
  const me = await client.callTool({ name: 'auth_me', arguments: {} });
  assert.equal(me.structuredContent.account.email, email);
};

async function sdk(who, NewClient, Transport) {
  const name = `SDK ${who}`;
  const { address, answer, close } = await callback();
  const provider = memory(name, address);
  const fresh = () => new NewClient({ name: 'sally-tests', version: '1.0.0' });
  const first = new Transport(url, { authProvider: provider });
  await assert.rejects(fresh().connect(first), /auth/i);
  await decide(provider.kept.asked[0], name);
  const told = await answer();
  await page.waitForURL(/localhost:\d+\/done$/);
  assert.equal(told.get('iss'), new URL(base).origin);
  await first.finishAuth(Transport === TransportV2 ? told : told.get('code'));
  const client = fresh();
  await client.connect(new Transport(url, { authProvider: provider }));
  await use(client);

  // The access token is lost; the refresh token gives another, in the same session.
  const { access_token } = provider.kept.tokens;
  provider.kept.tokens = { ...provider.kept.tokens, access_token: 'sallyat_run_out' };
  await use(client);
  assert.notEqual(provider.kept.tokens.access_token, access_token);

  await disconnect(name);
  const asked = provider.kept.asked.length;
  await assert.rejects(client.callTool({ name: 'auth_me', arguments: {} }));
  assert.equal(provider.kept.asked.length, asked + 1, 'it would have to ask again');
  await client.close();
  close();
  console.log(`ok ${name}`);
}

async function refusal() {
  const { address, answer, close } = await callback();
  const provider = memory('Unwanted', address);
  const transport = new StreamableHTTPClientTransport(url, { authProvider: provider });
  await assert.rejects(new Client({ name: 'sally-tests', version: '1.0.0' }).connect(transport), /auth/i);
  await decide(provider.kept.asked[0], 'Unwanted', 'Do not allow');
  const told = await answer();
  assert.deepEqual([told.get('error'), told.get('code')], ['access_denied', null]);
  close();
  console.log('ok whoever is not wanted');
}

async function mcpRemote() {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-remote-'));
  const transport = new StdioClientTransport({
    command: 'node',
    args: ['node_modules/mcp-remote/dist/proxy.js', url.href, '--allow-http'],
    env: { ...process.env, MCP_REMOTE_CONFIG_DIR: folder, BROWSER: 'true' },
    stderr: 'pipe',
  });
  let said = '';
  const asked = () => said.match(/http\S*\/oauth\/authorize\S*/g) ?? [];
  transport.stderr.on('data', (chunk) => { said += chunk; });
  const until = async (test) => {
    for (let tries = 0; !test(); tries += 1) {
      assert.ok(tries < 600, said);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const client = new Client({ name: 'sally-tests', version: '1.0.0' });
  const connected = client.connect(transport);
  await until(() => asked().length > 0);
  const name = 'MCP CLI Proxy';
  await decide(asked()[0], name);
  await connected;
  await use(client);
  await disconnect(name);
  const before = asked().length;
  const outcome = client.callTool({ name: 'auth_me', arguments: {} }).then((result) => (result.isError ? 'refused' : 'answered'), () => 'refused');
  const again = until(() => asked().length > before).then(() => 'asked again');
  assert.notEqual(await Promise.race([outcome, again]), 'answered');
  await client.close();
  rmSync(folder, { recursive: true });
  console.log('ok mcp-remote');
}

try {
  await sdk('first line', Client, StreamableHTTPClientTransport);
  await sdk('second line', ClientV2, TransportV2);
  await refusal();
  await mcpRemote();
  assert.deepEqual(complaints, [], 'the browser has nothing to complain about');
  console.log('all clients get in and out');
} finally {
  await browser.close();
}
