// A real OpenID Connect provider on loopback, for tests: whoever says an e-mail address is signed in with it; addresses that
// begin with "unverified" are not verified. Prints its issuer, and serves until standard input ends.
// Usage: provider.mjs REDIRECT-URI
import http from "node:http";
import Provider from "oidc-provider";

const [redirect] = process.argv.slice(2);
const server = http.createServer();
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{ client_id: "dayside", client_secret: "a-secret-of-tests", redirect_uris: [redirect] }],
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  conformIdTokenClaims: false, // as most providers do: the address is in the ID token
  pkce: { required: () => true },
  cookies: { keys: ["only-for-tests"] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: id, email_verified: !id.startsWith("unverified") }),
  }),
});
server.on("request", provider.callback());
console.log(issuer);

process.stdin.on("end", () => process.exit(0)).resume();
