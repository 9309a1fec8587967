// What the extension and the page of an answer view say to each other.

export type ToPage =
  { readonly kind: 'article'; readonly id: number; readonly html: string } | { readonly kind: 'clear' };

export type FromPage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'open'; readonly location: string }
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'stop'; readonly id: number }
  | { readonly kind: 'more'; readonly id: number }
  | { readonly kind: 'copy'; readonly id: number };
