// A real OpenID Connect provider on this machine, for the story of single sign-on: whoever signs in as `mia` is mia@example.com,
// and an address is itself. `provider.mjs PORT CALLBACK`
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, callback] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const email = (login) => (login.includes('@') ? login : `${login}@example.com`);
const provider = new Provider(issuer, {
  clients: [{ client_id: 'sally', client_secret: 'a secret: with / signs', redirect_uris: [callback] }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({ sub, email: email(sub), email_verified: !sub.startsWith('unverified'), name: sub }),
  }),
  pkce: { required: () => true },
});
createServer(provider.callback()).listen(Number(port), '127.0.0.1', () => console.log(`the provider is at ${issuer}`));
