import type * as t from '@babel/types';
import type { Span } from '../ir.js';

export const at = (node: t.Node): Span => ({ start: node.start ?? 0, end: node.end ?? 0 });

/** The literal name of a member, null where it is computed. */
export function keyOf(key: t.Node, computed: boolean): string | null {
  if (key.type === 'StringLiteral') return key.value;
  if (key.type === 'NumericLiteral') return String(key.value);
  if (key.type === 'PrivateName') return `#${key.id.name}`;
  return key.type === 'Identifier' && !computed ? key.name : null;
}

export function jsxName(name: t.Node): string {
  if (name.type === 'JSXIdentifier') return name.name;
  return name.type === 'JSXMemberExpression' ? `${jsxName(name.object)}.${name.property.name}` : '';
}

/** Name of a declared type; parts of a union by `|`. */
export function typeOf(node: t.Node): string {
  const inner = node.type === 'AssignmentPattern' ? node.left : node.type === 'TSParameterProperty' ? node.parameter : node;
  const annotation = 'typeAnnotation' in inner ? inner.typeAnnotation : null;
  return annotation != null && annotation.type === 'TSTypeAnnotation' ? typeText(annotation.typeAnnotation) : '';
}

function typeText(node: t.Node): string {
  switch (node.type) {
    case 'TSNumberKeyword':
      return 'number';
    case 'TSBooleanKeyword':
      return 'boolean';
    case 'TSStringKeyword':
      return 'string';
    case 'TSUnionType':
      return node.types.map(typeText).join('|');
    case 'TSLiteralType':
      return 'literal';
    case 'TSTypeReference':
      return node.typeName.type === 'Identifier' ? node.typeName.name : node.typeName.type === 'TSQualifiedName' ? node.typeName.right.name : '';
    default:
      return '';
  }
}
