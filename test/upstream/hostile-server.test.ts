import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { test } from 'node:test';
import { cancelUpstream } from '#proxy/upstream/cancel.ts';
import { connectUpstream, type UpstreamOptions } from '#proxy/upstream/connect.ts';
import { encode, int32 } from '#proxy/wire/backend.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { type ScriptedClient, say, scriptedServer } from '#test/upstream/scripted-server.ts';
import { optionsFor, refusal, SECRET } from '#test/upstream/support.ts';

/** Runs one hostile script; the refusal, once the server has seen the client's socket go. */
async function against(
  script: (client: ScriptedClient) => Promise<void>,
  more: Partial<UpstreamOptions> = {},
): Promise<HoldpointError> {
  const server = await scriptedServer(script);
  const error = await refusal(optionsFor(server.port, more));
  await server.allGone();
  return error;
}

/** A server that knows the password and lies where it is told to. */
function scramServer(
  lies: {
    nonce?: (client: string) => string;
    salt?: string;
    iterations?: string;
    final?: (honest: string) => Buffer[];
    first?: (honest: string) => string;
  } = {},
) {
  return async (client: ScriptedClient) => {
    await client.packet();
    client.send(say.sasl('SCRAM-SHA-256'));
    const initial = (await client.message()).body.toString('latin1');
    const clientFirst = initial.slice(initial.indexOf('n=,r='));
    const nonce = clientFirst.slice(5);
    const combined = lies.nonce?.(nonce) ?? `${nonce}server`;
    const salt = lies.salt ?? Buffer.from('0123456789abcdef').toString('base64');
    const iterations = lies.iterations ?? '4096';
    const honestFirst = `r=${combined},s=${salt},i=${iterations}`;
    const serverFirst = lies.first?.(honestFirst) ?? honestFirst;
    client.send(say.auth(11, serverFirst));
    const final = (await client.message()).body.toString('latin1');
    const salted = pbkdf2Sync(SECRET, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256');
    const key = createHmac('sha256', salted).update('Server Key').digest();
    const message = `${clientFirst},${serverFirst},${final.slice(0, final.indexOf(',p='))}`;
    const honest = `v=${createHmac('sha256', key).update(message).digest('base64')}`;
    client.send(...(lies.final?.(honest) ?? [say.auth(12, honest), say.auth(0)]), say.key(), say.ready());
  };
}

test('the scripted SCRAM server is a good one when it does not lie', async () => {
  const server = await scriptedServer(scramServer());
  const upstream = await connectUpstream(optionsFor(server.port));
  assert.deepEqual([upstream.processId, upstream.secretKey], [7, Buffer.from([1, 2, 3, 4])]);
  assert.equal(upstream.trailing.length, 0);
  upstream.socket.destroy();
  await server.allGone();
});

test('a server that cannot prove that it knows the credential is refused', async () => {
  const wrong = `v=${createHash('sha256').update('x').digest('base64')}`;
  for (const final of [
    () => [say.auth(12, wrong), say.auth(0)],
    () => [say.auth(12, 'v='), say.auth(0)],
    () => [say.auth(12, ''), say.auth(0)],
    () => [say.auth(12, 'e=other-error'), say.auth(0)],
    (honest: string) => [say.auth(12, honest.slice(0, -4)), say.auth(0)],
    (honest: string) => [say.auth(12, `x=1,${honest}`), say.auth(0)],
  ])
    assert.match((await against(scramServer({ final }))).detail ?? '', /could not prove|refused the SCRAM/);
});

test('AuthenticationOk does not stand in for the server signature', async () => {
  assert.match((await against(scramServer({ final: () => [say.auth(0)] }))).detail ?? '', /left the SCRAM/);
});

test('a second authentication request behind SCRAM is not answered', async () => {
  const error = await against(scramServer({ final: honest => [say.auth(12, honest), say.auth(3)] }), {
    weakAuth: ['cleartext', 'md5'],
  });
  assert.match(error.detail ?? '', /second authentication/);
});

test('a nonce that is not the extended one is refused', async () => {
  for (const nonce of [
    (own: string) => own,
    () => 'fresh',
    () => '',
    (own: string) => `${own}\u0001`,
    (own: string) => `${own.slice(0, -1)}Xserver`,
  ])
    assert.match((await against(scramServer({ nonce }))).detail ?? '', /nonce/);
});

test('iteration counts out of bounds are refused before any work is done', async () => {
  for (const iterations of [
    '0',
    '-1',
    '2000001',
    '2147483647',
    '99999999999999',
    '',
    '4096x',
    '1e3',
    '04096',
  ])
    assert.match((await against(scramServer({ iterations }))).detail ?? '', /iteration count/, iterations);
});

test('a server-first message with a mandatory extension, a bad salt or missing parts is refused', async () => {
  await against(scramServer({ first: honest => `m=ext,${honest}` }));
  for (const salt of ['', '!!!!', 'abc', 'YWJj\n']) await against(scramServer({ salt }));
  for (const first of ['', 'e=unknown-user', ',,', 'r=,s=,i='])
    await against(scramServer({ first: () => first }));
});

test('a downgrade to cleartext, md5 or no authentication at all is refused, and the password is not sent', async () => {
  for (const frame of [
    say.auth(3),
    say.auth(5, Buffer.from([1, 2, 3, 4])),
    say.auth(7),
    say.auth(2),
    say.auth(99),
  ]) {
    let sent = '';
    const error = await against(async client => {
      await client.packet();
      client.socket.on('data', chunk => {
        sent += chunk.toString('latin1');
      });
      client.send(frame);
    });
    assert.match(error.detail ?? '', /does not allow/);
    assert.equal(sent, '');
  }
  const trust = async (client: ScriptedClient) => {
    await client.packet();
    client.send(say.auth(0), say.key(), say.ready());
  };
  assert.match((await against(trust)).detail ?? '', /without any proof/);
  // Listing the others does not list trust.
  assert.match((await against(trust, { weakAuth: ['md5', 'cleartext'] })).detail ?? '', /without any proof/);
});

test('weak ways are used where the policy lists them, and each only where it is listed', async () => {
  const server = await scriptedServer(async client => {
    await client.packet();
    client.send(say.auth(3));
    assert.equal((await client.message()).body.toString(), `${SECRET}\0`);
    client.send(say.auth(0), say.key(), say.ready());
  });
  (await connectUpstream(optionsFor(server.port, { weakAuth: ['cleartext'] }))).socket.destroy();
  assert.match(
    (await refusal(optionsFor(server.port, { weakAuth: ['md5'] }))).detail ?? '',
    /does not allow/,
  );
  assert.match(
    (await refusal(optionsFor(server.port, { weakAuth: ['cleartext'], password: null }))).detail ?? '',
    /no secret/,
  );
  await server.allGone();
});

test('a server that was told the password cannot get it into an error', async () => {
  const error = await against(
    async client => {
      await client.packet();
      client.send(say.auth(3));
      const { body } = await client.message();
      const password = body.toString('utf8').replace('\0', '');
      client.send(
        say.error('53300', `your password is ${password} or ${Buffer.from(password).toString('hex')}`),
      );
    },
    { weakAuth: ['cleartext'] },
  );
  assert.equal(error.detail, 'the server refused the session (SQLSTATE 53300)');
});

test('an error about the credential tells its SQLSTATE and nothing of what the server said', async () => {
  const error = await against(async client => {
    await client.packet();
    client.send(say.error('28P01', 'password authentication failed for user "app"'));
  });
  assert.equal(error.detail, 'the server did not accept the credential of the role (SQLSTATE 28P01)');
  assert.equal((error.cause as { sqlstate?: string }).sqlstate, '28P01');
});

test("other errors keep the server's words, cut to a length and without control characters", async () => {
  const error = await against(async client => {
    await client.packet();
    client.send(say.error('53300', `sorry,\u001b[31m too many clients already${'!'.repeat(1000)}`));
  });
  assert.match(error.detail ?? '', /SQLSTATE 53300\): sorry, \[31m too many clients already!+$/);
  assert.ok((error.detail ?? '').length < 300);
});

test('an error with a made-up SQLSTATE or without an end is still a refusal', async () => {
  for (const frame of [say.error('\u001b[2J', 'x'), encode(0x45, Buffer.from('SFATAL')), encode(0x45)])
    await against(async client => {
      await client.packet();
      client.send(frame);
    });
});

test('garbage, impossible lengths and messages out of place end the start-up', async () => {
  const header = (type: number, length: number) => Buffer.concat([Buffer.of(type), int32(length)]);
  for (const bytes of [
    Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
    header(0x52, -1),
    header(0x52, 0),
    header(0x52, 3),
    header(0x52, 0x7fffffff),
    header(0x52, 70_000),
    encode(0x52),
    encode(0x52, Buffer.of(0, 0)),
    say.auth(10, 'SCRAM-SHA-256'),
    say.auth(10, 'PLAIN\0\0'),
    say.auth(10, '\0'),
    say.auth(11, 'r=x'),
    say.ready(),
    say.key(),
    say.parameter('a', 'b'),
    encode(0x76, int32(196_610, 0)),
    encode(0x76, int32(196_608, 1), Buffer.from('_pq_.x\0')),
    encode(0x4e, Buffer.of(0)),
  ])
    await against(async client => {
      await client.packet();
      client.send(bytes);
    });
});

test('what is out of place after authentication ends the start-up too', async () => {
  for (const frames of [
    [say.ready('T')],
    [say.ready('E')],
    [encode(0x5a, Buffer.from('II'))],
    [encode(0x4b, int32(1), Buffer.of(1))],
    [encode(0x4b, int32(1), Buffer.alloc(300))],
    [encode(0x44, Buffer.of(0, 0))],
    [say.auth(0)],
    [encode(0x53, Buffer.from('no-terminator'))],
    Array.from({ length: 600 }, (_, i) => say.parameter(`p${i}`, 'x')),
  ])
    await against(
      async client => {
        await client.packet();
        client.send(say.auth(0), ...frames);
      },
      { weakAuth: ['trust'] },
    );
});

test('NegotiateProtocolVersion that keeps 3.0 is accepted, and bytes behind ReadyForQuery are handed over', async () => {
  const late = say.parameter('TimeZone', 'UTC');
  const server = await scriptedServer(async client => {
    const packet = await client.packet();
    assert.equal(packet.readInt32BE(0), 196_608);
    assert.equal(packet.toString('utf8', 4), 'user\0app\0database\0shop\0application_name\0tests\0\0');
    client.send(encode(0x76, int32(196_608, 0)), say.auth(0), say.parameter('server_version', '18.1'));
    client.send(encode(0x4e, Buffer.from('SNOTICE\0\0')), say.key(9, Buffer.alloc(32, 5)), say.ready(), late);
  });
  const upstream = await connectUpstream(
    optionsFor(server.port, { password: null, parameters: new Map([['application_name', 'tests']]) }),
  );
  assert.deepEqual(upstream.trailing, late);
  assert.equal(upstream.serverVersion, '18.1');
  assert.deepEqual(upstream.secretKey, Buffer.alloc(32, 5));
  upstream.socket.destroy();
  await server.allGone();
});

test('every message may come one byte at a time', async () => {
  const server = await scriptedServer(async client => {
    await client.packet();
    for (const byte of Buffer.concat([say.auth(0), say.parameter('a', 'b'), say.key(), say.ready()])) {
      client.send(Buffer.of(byte));
      await new Promise(resolve => setImmediate(resolve));
    }
  });
  const upstream = await connectUpstream(optionsFor(server.port, { password: null }));
  assert.equal(upstream.parameters.get('a'), 'b');
  upstream.socket.destroy();
  await server.allGone();
});

test('silence is an error at the deadline, wherever it begins, and leaves no socket', async () => {
  const silences: [Partial<UpstreamOptions>, (client: ScriptedClient) => Promise<void>][] = [
    [{}, async () => {}],
    [{ tls: 'require' }, async () => {}],
    [
      { tls: 'require' },
      async client => {
        await client.packet();
        client.send(Buffer.from('S'));
      },
    ],
    [
      {},
      async client => {
        await client.packet();
        client.send(say.sasl('SCRAM-SHA-256'));
      },
    ],
    [
      { weakAuth: ['trust'] },
      async client => {
        await client.packet();
        client.send(say.auth(0), say.auth(0).subarray(0, 3));
      },
    ],
  ];
  for (const [more, script] of silences) {
    const error = await against(script, { ...more, deadlineMs: 150 });
    assert.match(error.detail ?? '', /within 150 ms/);
  }
});

test('a server that never stops talking is stopped by the deadline or the bound', async () => {
  const error = await against(
    async client => {
      await client.packet();
      client.send(say.auth(0));
      while (!client.socket.destroyed) {
        client.socket.write(encode(0x4e, Buffer.alloc(60_000)));
        await new Promise(resolve => setImmediate(resolve));
      }
    },
    { weakAuth: ['trust'], deadlineMs: 2_000 },
  );
  assert.match(error.detail ?? '', /never came to the end|within/);
});

test('an abort gives up at once', async () => {
  const server = await scriptedServer(async () => {});
  const abort = new AbortController();
  const failed = refusal(optionsFor(server.port, { signal: abort.signal, deadlineMs: 60_000 }));
  abort.abort();
  assert.match((await failed).detail ?? '', /no longer wanted/);
  await server.allGone();
  await refusal(optionsFor(server.port, { signal: AbortSignal.abort() }));
  await server.allGone();
});

test('bytes stuffed behind the answer to SSLRequest are refused, as is every other answer than S', async () => {
  const stuffed = Buffer.concat([Buffer.from('S'), say.auth(0), say.key(), say.ready()]);
  for (const [bytes, expected] of [
    [stuffed, /in the clear/],
    [Buffer.from('SS'), /in the clear/],
    [Buffer.from('N'), /does not offer TLS/],
    [say.error('53300', 'a lie'), /in the clear/],
    [Buffer.from('E'), /S or N/],
    [Buffer.from('X'), /S or N/],
  ] as const) {
    const error = await against(
      async client => {
        await client.packet();
        client.send(bytes);
      },
      { tls: 'require', password: null },
    );
    assert.match(error.detail ?? '', expected);
  }
});

test('bytes stuffed a moment later reach the TLS handshake and break it', async () => {
  const error = await against(
    async client => {
      client.socket.setNoDelay(true);
      await client.packet();
      client.send(Buffer.from('S'));
      await client.bytes(1);
      client.send(say.auth(0), say.key(), say.ready());
    },
    { tls: 'require', password: null },
  );
  assert.match(error.detail ?? '', /TLS with the server failed/);
});

test('a closed port and a server that hangs up at any point are refusals', async () => {
  const server = await scriptedServer(async client => {
    client.socket.destroy();
  });
  await refusal(optionsFor(server.port));
  await refusal(optionsFor(server.port, { tls: 'require' }));
  assert.match((await refusal(optionsFor(1))).detail ?? '', /ECONNREFUSED/);
  const half = [
    say.sasl('SCRAM-SHA-256').subarray(0, 9),
    say.auth(0),
    Buffer.concat([say.auth(0), say.key()]),
  ];
  for (const bytes of half)
    await against(
      async client => {
        await client.packet();
        client.socket.end(bytes);
      },
      { weakAuth: ['trust'] },
    );
});

test("start-up parameters that are not the client's, or would begin another, are refused before a byte is sent", async () => {
  let clients = 0;
  const server = await scriptedServer(async () => {
    clients++;
  });
  for (const parameters of [
    [['user', 'postgres']],
    [['database', 'other']],
    [['replication', 'true']],
    [['_pq_.x', '1']],
    [['', '1']],
    [['application_name', 'a\0replication\0true']],
    [['application_name', 'x'.repeat(20_000)]],
  ] as [string, string][][])
    await refusal(optionsFor(server.port, { parameters: new Map(parameters) }));
  await refusal(optionsFor(server.port, { user: 'app\0x' }));
  await refusal(optionsFor(server.port, { user: '' }));
  await refusal(optionsFor(server.port, { database: '' }));
  assert.equal(clients, 0);
});

test('cancel sends pid and key, waits for the server to hang up, and fails inside its deadline', async () => {
  let got = Buffer.alloc(0);
  const server = await scriptedServer(async client => {
    got = Buffer.from(await client.packet());
    client.socket.end();
  });
  const where = { host: '127.0.0.1', tls: 'disable', processId: 42, deadlineMs: 500 } as const;
  await cancelUpstream({ ...where, port: server.port, secretKey: Buffer.from([9, 8, 7, 6]) });
  assert.deepEqual(got, Buffer.concat([int32(80877102, 42), Buffer.from([9, 8, 7, 6])]));
  await server.allGone();
  const fails = (port: number, secretKey: Buffer) =>
    assert.rejects(cancelUpstream({ ...where, port, secretKey }), HoldpointError);
  await fails(server.port, Buffer.alloc(0));
  await fails(1, Buffer.alloc(4));
  const silent = await scriptedServer(async () => {});
  await fails(silent.port, Buffer.alloc(4));
  await silent.allGone();
});
