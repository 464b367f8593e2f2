import { HOOK_ID } from '../contract/ids.ts';
import { KEY } from './webhook.ts';
import { OpenAPIRegistry, OpenApiGeneratorV31, type ResponseConfig, type RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { faults, type FaultCode } from './errors.ts';

// The table of routes: the app mounts it and `/openapi.json` describes it. It costs a request nothing: the document is made
// at the start, and webhook.ts and metadata.ts validate requests.

type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'GET' | 'HEAD';

export interface Route {
  name: 'catchHook' | 'livez' | 'readyz' | 'openapi';
  path: string;
  methods: readonly Method[];
  summary: string;
  success: z.ZodType;
  faults: readonly FaultCode[];
}

const status = z.object({ status: z.literal('ok') });

export const routes: readonly Route[] = [
  {
    name: 'catchHook',
    path: '/hooks/catch/{userId}/{zapId}',
    methods: ['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'HEAD'],
    summary:
      'Accepts a webhook. The answer comes after its run and its event were committed together. HEAD, and GET without a query, store nothing.',
    success: z.object({
      message: z.string(),
      id: z.uuid().optional().meta({ description: 'The run, and its event on Kafka; absent when nothing was sent' }),
      ids: z.array(z.uuid()).optional().meta({ description: 'The runs, where the hook makes one for each element' }),
    }),
    faults: Object.keys(faults).filter((code) => code !== 'internal') as FaultCode[],
  },
  {
    name: 'livez',
    path: '/livez',
    methods: ['GET', 'HEAD'],
    summary: 'The process answers.',
    success: status,
    faults: ['method_not_allowed'],
  },
  {
    name: 'readyz',
    path: '/readyz',
    methods: ['GET', 'HEAD'],
    summary: 'Webhooks can be accepted: the event schema is known, and Postgres takes what ingest writes. It writes nothing.',
    success: status,
    faults: ['method_not_allowed', 'schema_unknown', 'database_unavailable'],
  },
  {
    name: 'openapi',
    path: '/openapi.json',
    methods: ['GET', 'HEAD'],
    summary: 'This document.',
    success: z.record(z.string(), z.unknown()),
    faults: ['method_not_allowed'],
  },
];

const id = z.string().regex(HOOK_ID);
const params = z.object({ userId: id, zapId: id });
const headers = z.object({
  'Idempotency-Key': z
    .string()
    .regex(KEY)
    .optional()
    .meta({ description: 'A repeat with this key answers with the first id; with another body 409. Else webhook-id counts.' }),
  traceparent: z.string().optional().meta({ description: 'W3C trace context, carried to the event' }),
});
const fields = z.record(z.string(), z.string());
const body = {
  description:
    'JSON keeps its exact text, under any type but a form. A form becomes an object of strings, a repeated field an array, a file its description. ' +
    'Other text becomes one JSON string. An empty body stands for the query, or null. gzip, deflate and br are unpacked.',
  content: {
    'application/json': { schema: z.unknown() },
    'application/x-www-form-urlencoded': { schema: fields },
    'multipart/form-data': { schema: fields },
    'text/plain': { schema: z.string() },
  },
};
const query = {
  name: 'data',
  in: 'query',
  style: 'form',
  explode: true,
  schema: { type: 'object', additionalProperties: { type: 'string' } },
} as const;

/** The OpenAPI 3.1 document of the routes. */
export function openApiDocument(): object {
  const registry = new OpenAPIRegistry();
  for (const route of routes) {
    for (const method of route.methods) if (method !== 'HEAD') registry.registerPath(operation(route, method));
  }
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: { title: 'Ingest', version: '1', description: 'Accepts webhooks; 200 means committed.' },
  });
}

function operation({ name, path, summary, success, faults: codes }: Route, method: Exclude<Method, 'HEAD'>): RouteConfig {
  const responses: Record<string, ResponseConfig> = { 200: { description: 'Done', content: { 'application/json': { schema: success } } } };
  for (const status of new Set(codes.map((code) => faults[code].status))) {
    responses[status] = faultResponse(codes.filter((code) => faults[code].status === status));
  }
  return {
    method: method.toLowerCase() as Lowercase<typeof method>,
    path,
    operationId: name === 'catchHook' ? `${name}By${method}` : name,
    summary,
    ...(name === 'catchHook' ? { request: { params, headers, ...(method === 'GET' ? {} : { body }) } } : {}),
    ...(name === 'catchHook' && method === 'GET' ? { parameters: [query] } : {}),
    responses,
  };
}

function faultResponse(codes: readonly FaultCode[]): ResponseConfig {
  const retryable = codes.some((code) => faults[code].retryable);
  return {
    description: codes.join(', '),
    content: { 'application/json': { schema: z.object({ code: z.enum(codes as [FaultCode]), message: z.string(), requestId: z.uuid() }) } },
    ...(retryable ? { headers: z.object({ 'Retry-After': z.string().meta({ description: 'Seconds' }) }) } : {}),
  };
}
