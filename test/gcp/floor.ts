import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { PubSub } from '@google-cloud/pubsub';
import { PROJECT } from '#cli/emulators/backends.ts';
import { openPublisher } from '#proxy/gcp/publisher.ts';
import { firestoreOf } from '#test/gcp/clients.ts';

/** The least that any approval through these services can take on this machine: the same hops, and nothing done at any of them. */
export async function startFloor(): Promise<{
  /** Publishes, and gives the milliseconds until a listener has the document that the subscriber made. */
  once(): Promise<number>;
  /** Publishes, and waits for the acknowledgement alone. */
  publish(): Promise<void>;
  stop(): Promise<void>;
}> {
  const pubsub = new PubSub({ projectId: PROJECT });
  const firestore = firestoreOf(PROJECT);
  const collection = firestore.collection(`floor-${randomUUID()}`);
  const seen = new Map<string, () => void>();
  const unlisten = collection.onSnapshot(snapshot => {
    for (const { doc } of snapshot.docChanges()) seen.get(doc.id)?.();
  });
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { message } = JSON.parse(Buffer.concat(chunks).toString()) as {
        message: { attributes?: { id?: string } };
      };
      const id = message.attributes?.id;
      const made = id === undefined ? Promise.resolve() : collection.doc(id).create({ at: Date.now() });
      made.then(
        () => response.writeHead(204).end(),
        () => response.writeHead(500).end(),
      );
    });
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  const [withListener] = await pubsub.createTopic(`floor-${randomUUID()}`);
  const [alone] = await pubsub.createTopic(`alone-${randomUUID()}`);
  await withListener.createSubscription(`floor-${randomUUID()}`, {
    pushEndpoint: `http://127.0.0.1:${address.port}/`,
  });
  const publishers = await Promise.all([withListener, alone].map(topic => openPublisher(topic.name)));
  const send = (publisher: (typeof publishers)[number] | undefined, id?: string) =>
    publisher?.publish(
      [{ data: Buffer.from('x'), attributes: id === undefined ? {} : { id }, orderingKey: '' }],
      5000,
    );
  return {
    async once() {
      const id = randomUUID();
      const begun = performance.now();
      const arrived = new Promise<number>(resolve => {
        seen.set(id, () => resolve(performance.now() - begun));
      });
      await send(publishers[0], id);
      return arrived;
    },
    publish: async () => send(publishers[1]),
    async stop() {
      unlisten();
      server.close();
      server.closeAllConnections();
      await Promise.all([...publishers.map(one => one.close()), pubsub.close(), firestore.terminate()]);
    },
  };
}
