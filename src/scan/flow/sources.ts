import type { Param, Span } from './ir.js';
import { api, type Mark, NOTHING, NUMBER, type SourceKind, type Value } from './value.js';

const REQUEST_FIELDS = new Set(['query', 'body', 'params', 'headers', 'cookies', 'url', 'originalUrl', 'path', 'hostname', 'files', 'file', 'signedCookies', 'rawBody', 'nextUrl', 'search', 'searchParams', 'form', 'querystring', 'host', 'href', 'header', 'rawHeaders', 'GET', 'POST', 'FILES', 'META', 'COOKIES', 'args', 'values', 'data', 'json', 'data_raw', 'query_params', 'form_data', 'queryStringParameters', 'multiValueQueryStringParameters', 'pathParameters', 'rawPath', 'rawQueryString', 'request_data', 'full_path', 'query_string', 'view_args']);
/** Methods of a request that give what it holds. */
const REQUEST_READS = new Set(['get', 'header', 'param', 'json', 'text', 'formData', 'query', 'queries', 'parseBody', 'get_json', 'getHeader', 'valid', 'arrayBuffer', 'blob', 'get_data', 'getParameter', 'arguments', 'get_argument', 'get_query_argument', 'get_body_argument', 'input']);
const REQUEST = '#request';

/** Data of a source. */
export function source(kind: SourceKind, what: string, at: Span): Value {
  const mark: Mark = { kind, what: what.length > 60 ? `${what.slice(0, 57)}…` : what, at, clean: [], defences: [] };
  return { marks: [mark] };
}

/** What a member of a well-known object is, or null where it is nothing special. */
export function memberSource(of: string, name: string, what: string, at: Span): Value | null {
  if (of === REQUEST) return REQUEST_FIELDS.has(name) ? { ...source('request', what, at), api: `${REQUEST}.${name}` } : null;
  if (of === '#ctx') return name === 'request' || name === 'req' ? api(REQUEST) : name === 'event' ? api(REQUEST) : REQUEST_FIELDS.has(name) ? { ...source('request', what, at), api: `${REQUEST}.${name}` } : null;
  if (of === '#location') return /^(?:search|hash|href|pathname)$/.test(name) ? { ...source('browser', what, at), kind: 'string' } : null;
  if (of === '#document') return /^(?:URL|referrer|documentURI|baseURI|cookie)$/.test(name) ? { ...source('browser', what, at), api: `#document.${name}`, kind: 'string' } : name === 'location' ? api('#location') : null;
  if (of === '#process.env') return { ...source('environment', what, at), api: `#process.env.${name}` };
  if (of === '#process' && name === 'argv') return { ...source('argument', what, at), api: '#process.argv' };
  if (of === '#element') return name === 'value' ? source('browser', what, at) : null;
  if (of === '#message') return name === 'data' ? source('message', what, at) : name === 'origin' ? { marks: [] } : null;
  if (of === '#domEvent') return name === 'target' || name === 'currentTarget' ? api('#element') : name === 'dataTransfer' || name === 'clipboardData' ? source('browser', what, at) : null;
  return null;
}

/** What a call of a well-known method gives, or null. */
export function callSource(called: string, name: string, receiver: string | undefined, what: string, at: Span): Value | null {
  if (receiver === REQUEST && REQUEST_READS.has(name)) return source('request', what, at);
  if (/^(?:next\/navigation|react-router(?:-dom)?|expo-router|@remix-run\/react|wouter|@tanstack\/react-router)\.use(?:SearchParams|Params|LocalSearchParams|GlobalSearchParams|Search)$/.test(called)) return source('browser', what, at);
  if (receiver === '#ctx' && (name === 'get' || name === 'header')) return source('request', what, at);
  if (receiver?.startsWith('#document') === true && /^(?:getElementById|querySelector|createElement|getElementsByName|closest)$/.test(name)) return api('#element');
  if (/^#FormData\(\)$/.test(receiver ?? '') && /^(?:get|getAll|entries|values)$/.test(name)) return source('browser', what, at);
  if (receiver?.startsWith('#document') === true && /^(?:querySelectorAll|getElementsByClassName|getElementsByTagName)$/.test(name)) return { marks: [], kind: 'array', rest: api('#element') };
  if (receiver === '#window' && name === 'prompt') return source('browser', what, at);
  return null;
}

/** Something of the part of a program that is not shown. */
export function notShown(name: string, at: Span): Value {
  return INFRASTRUCTURE.test(name) || NUMERIC.test(name) ? { marks: [], api: `#${name}` } : { ...source('parameter', name, at), api: `#${name}` };
}

/** A member of an argument that is taken apart: called by its own name. */
export function argumentMember({ marks }: Value, name: string): Value {
  if (/^children$/.test(name)) return NOTHING;
  const kept = INFRASTRUCTURE.test(name) ? marks.filter((mark) => mark.what !== '') : marks;
  return { marks: kept.map((mark) => (mark.what === '' ? { ...mark, what: name } : mark)) };
}

/** What is called so is a number. */
const NUMERIC = /(?:size|count|width|height|length|index|limit|offset|pageNumber|depth|min|max|total|num|number|amount|seconds|minutes|hours|millis|port|age|year|month|day)$/i;

const INFRASTRUCTURE = /^(?:res|resp|response|reply|next|cb|callback|done|resolve|reject|err|error|e|db|database|client|pool|conn|connection|trx|tx|transaction|knex|app|router|server|fastify|io|logger|log|console|el|elem|element|node|container|root|parent|doc|document|window|win|self|cls|config|env|store|repo|repository|service|manager|model|models|schema|i|j|idx|index|len|count|total|page|limit|offset|size|width|height|timeout|ms|signal|controller|prisma|redis|cache|queue|emitter|stream|socket|ws|fs|_|__|acc|memo|cursor)$/;

/**
 * What a function gets from callers that are not seen. Frameworks' handlers are known by the names and types of their parameters, as people write them everywhere;
 * of anything else it is only known that a caller chose it.
 */
export function parameter(param: Param, index: number, names: readonly string[], trusting: boolean, at: Span): Value {
  const name = names[index] ?? '';
  const type = param.type;
  const decorated = param.decorators.map((d) => (d.k === 'call' && d.callee.k === 'name' ? d.callee.name : d.k === 'name' ? d.name : ''));
  if (decorated.some((d) => /^(?:Body|Query|Param|Params|Headers|Cookies|UploadedFile|UploadedFiles|Args|QueryParam|BodyParam|HeaderParam)$/.test(d))) {
    return /^(?:number|boolean)$/.test(type) ? NUMBER : source('request', `@${decorated[0]}() ${name}`, at);
  }
  if (decorated.some((d) => /^Req(?:uest)?$/.test(d))) return api(REQUEST);
  if (/^(?:req|request|_req|httpRequest)$/.test(name) || /^(?:Request|IncomingMessage|NextApiRequest|NextRequest|FastifyRequest|HttpRequest|APIGatewayProxyEvent\w*|ExpressRequest)$/.test(type)) return api(REQUEST);
  if (/^(?:ctx|context|c)$/.test(name) && index === 0 && (names.length <= 2) && (type === '' || /Context$/.test(type))) return api('#ctx');
  if (/^(?:number|boolean|literal|number\|literal|literal(?:\|literal)*)$/.test(type)) return { ...NUMBER };
  if (param.pattern.k === 'members' && type === '') {
    // `({ query, body }, res) => …`
    if (index === 0 && /^(?:res|response|reply)$/.test(names[1] ?? '')) return api(REQUEST);
    return trusting ? NOTHING : source('parameter', '', at);
  }
  if (NUMERIC.test(name) && type === '') return NOTHING;
  if (name === '' || INFRASTRUCTURE.test(name) || /^(?:Response|NextFunction|NextApiResponse|FastifyReply|ServerResponse|Pool|PoolClient|Client|Element|HTMLElement|Logger)$/.test(type)) return NOTHING;
  return trusting ? NOTHING : source('parameter', name, at);
}
