// The Node peer: fastify in front, undici behind. MODE=parsed reads and renders JSON as most code does;
// MODE=spliced copies the upstream's text between the keys, the fastest that Node can do.
'use strict';

const fs = require('node:fs');
const { Agent, request, setGlobalDispatcher } = require('undici');
const fastify = require('fastify')({ logger: false });

const upstreams = process.env.UPSTREAMS.split(',');
const spliced = process.env.MODE === 'spliced';
const ca = process.env.UPSTREAM_CA ? fs.readFileSync(process.env.UPSTREAM_CA) : undefined;
const numbers = Array.from({ length: 20 }, (_, index) => index + 1);

setGlobalDispatcher(new Agent({ connect: { ca } }));

async function read(url) {
  const answer = await request(url);
  if (answer.statusCode !== 200) throw new Error(`upstream answered ${answer.statusCode}`);
  return spliced ? answer.body.text() : answer.body.json();
}

async function merge(reply, names, urls) {
  const bodies = await Promise.all(urls.map(read));
  reply.type('application/json; charset=utf-8');
  if (spliced) return `{${bodies.map((body, index) => `"${names[index]}":${body}`).join(',')}}`;
  return Object.fromEntries(bodies.map((body, index) => [names[index], body]));
}

const params = {
  schema: { params: { type: 'object', properties: { id: { type: 'integer', minimum: 1 } } } },
};

fastify.get('/user/:id', params, async (incoming, reply) => {
  reply.type('application/json; charset=utf-8');
  return read(`${upstreams[0]}/users/${incoming.params.id}`);
});

fastify.get('/dashboard/:id', params, async (incoming, reply) => {
  const { id } = incoming.params;
  return merge(reply, ['profile', 'orders', 'notification_count'], [
    `${upstreams[0]}/users/${id}`,
    `${upstreams[1]}/users/${id}/orders?limit=5`,
    `${upstreams[2]}/users/${id}/notifications/count`,
  ]);
});

fastify.get('/wide/:id', params, async (incoming, reply) => merge(
  reply,
  numbers.map((number) => `item_${number}`),
  numbers.map((number) => `${upstreams[number % 3]}/users/${incoming.params.id}/items/${number}`),
));

fastify.get('/large/:id', params, async (_incoming, reply) => merge(
  reply,
  ['first', 'second', 'third'],
  ['first', 'second', 'third'].map((name, index) => `${upstreams[index]}/large/${name}.json`),
));

fastify.listen({ host: '127.0.0.1', port: Number(process.env.PORT), backlog: 8192 });
