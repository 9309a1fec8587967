// What the extension and the page of the answer view say to each other.

export type ToPage = { readonly kind: 'article'; readonly id: number; readonly html: string };

export type FromPage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'open'; readonly location: string }
  | { readonly kind: 'stop'; readonly id: number }
  | { readonly kind: 'copy'; readonly id: number };
