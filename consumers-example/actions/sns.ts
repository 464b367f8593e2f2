import { matchesGlob } from '../../kit/glob.ts';

// A subscription of AWS SNS sends nothing before somebody has called the URL in its first message. Ingest records that message
// as an event and calls nobody; a target with "confirmSns" makes the call. A sender to the hook chooses the URL, so
// it is called only where it is the confirmation of a topic that actions.json names, at SNS itself.

const HOST = /^sns\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com$/;
/** Like `arn:aws:sns:eu-central-1:123456789012:orders`. */
const ARN = /^arn:aws:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_.-]{1,256}$/;
/** What "confirmSns" may be: an account in full; * for any part of a region or a name. */
export const TOPICS = /^arn:aws:sns:[a-z0-9*-]+:\d{12}:[A-Za-z0-9_.*-]{1,256}$/;

/**
 * The URL that confirms a subscription.
 *
 * @param body of the action: the event with its metadata
 * @param topics whose subscriptions may be confirmed, see TOPICS
 * @returns undefined when the event is not the confirmation of such a topic
 */
export function confirmationUrl(body: string, topics: string): URL | undefined {
  const { metadata } = (JSON.parse(body) as { data: { metadata: unknown } }).data;
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  const { Type: type, TopicArn: topic, SubscribeURL: text } = metadata as Record<string, unknown>;
  if (type !== 'SubscriptionConfirmation' || typeof topic !== 'string' || typeof text !== 'string') return undefined;
  const region = ARN.exec(topic)?.[1];
  if (region === undefined || !matchesGlob(topics, topic) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isOfSns =
    url.protocol === 'https:' && url.port === '' && url.username + url.password === '' && HOST.exec(url.hostname)?.[1] === region;
  const wanted = { Action: 'ConfirmSubscription', TopicArn: topic };
  const isWanted = Object.entries(wanted).every(([name, value]) => {
    const [first, ...more] = url.searchParams.getAll(name);
    return first === value && more.length === 0;
  });
  return isOfSns && url.pathname === '/' && isWanted ? url : undefined;
}

/** Whether a target wants an event of its zap. */
export const wants = ({ confirmSns }: { confirmSns?: string | undefined }, { body }: { body: string }): boolean =>
  confirmSns === undefined || confirmationUrl(body, confirmSns) !== undefined;
