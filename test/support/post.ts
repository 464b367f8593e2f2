import { addresses } from './stack.ts';
import { waitFor } from './wait-for.ts';

export interface Answer {
  status: number;
  body: { id?: string; message?: string; code?: string; requestId?: string };
}

/** Posts a body to a hook, as it is. @throws when ingest cannot be reached */
export async function post(userId: string, zapId: string, body: string, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${addresses.ingest}/hooks/catch/${userId}/${zapId}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
    signal: AbortSignal.timeout(10_000),
  });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

/** Posts until it is answered 200, as a sender would through an outage. @returns the id of the answer */
export async function postUntilAccepted(userId: string, zapId: string, body: string): Promise<string> {
  return waitFor(
    `a post to ${zapId} is accepted`,
    async () => {
      const { status, body: answer } = await post(userId, zapId, body);
      return status === 200 ? answer.id : undefined;
    },
    60_000,
  );
}

/**
 * Posts `count` numbered bodies to a zap, each after the answer to the one before.
 *
 * @param onPosted is told how many were accepted so far
 * @returns the ids in the order of the answers
 */
export async function postInTurn(userId: string, zapId: string, count: number, onPosted?: (done: number) => void): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    ids.push(await postUntilAccepted(userId, zapId, JSON.stringify({ n })));
    onPosted?.(ids.length);
  }
  return ids;
}
