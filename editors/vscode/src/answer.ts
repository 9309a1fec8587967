// One answer while it arrives: the parts that the server streams, and the whole that its response carries. Pure state.

/** A place that the server names, with why it looked there (evidence) or whether it is really there (citation). */
export interface Place {
  readonly path: string;
  readonly lines?: readonly [number, number];
  readonly line?: number;
  readonly symbol?: string | null;
  readonly why?: string;
  readonly ok?: boolean;
}

/** A `$/progress` value on the request's partialResultToken. */
export type AnswerPart =
  | { readonly kind: 'text'; readonly text: string }
  | ({ readonly kind: 'evidence' } & Place)
  | ({ readonly kind: 'citation' } & Place)
  | { readonly kind: 'patch'; readonly diff: string }
  | { readonly kind: 'tool'; readonly note: string }
  | { readonly kind: 'status'; readonly text: string };

/** An engine that failed, and what it had said until then. */
export interface FailedEngine {
  readonly name: string;
  readonly partial?: string;
}

/** The response to a question. */
export interface WholeAnswer {
  readonly text?: string;
  readonly diff?: string;
  readonly evidence?: readonly Place[];
  readonly citations?: readonly Place[];
  readonly model?: string;
  /** How far it can be relied on; nothing where the engine does not say how probable its words were. */
  readonly confidence_level?: 'low' | 'medium' | 'high' | null;
  /** What the model called on the way, and what a person should know of the route: engines that failed, what stayed. */
  readonly tools?: readonly { readonly note: string }[];
  readonly notes?: readonly string[];
  readonly route?: { readonly failed?: readonly FailedEngine[] };
  /** Of a commit message: the message alone. */
  readonly message?: string;
  /** Of a message in a chat. */
  readonly chat?: { readonly id: string; readonly title: string };
}

export type AnswerState = 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed';

export class Answer {
  readonly id: number;
  readonly question: string;
  /** Whether the same can be asked again, for a longer answer. */
  readonly hasMore: boolean;
  #state: AnswerState = 'waiting';
  #status = '';
  #text = '';
  #diff = '';
  #model = '';
  #confidence = '';
  #evidence: Place[] = [];
  #citations: Place[] = [];
  #tools: string[] = [];
  #notes: readonly string[] = [];
  #failed: readonly FailedEngine[] = [];

  constructor(id: number, question: string, hasMore = false) {
    this.id = id;
    this.question = question;
    this.hasMore = hasMore;
  }

  get state(): AnswerState {
    return this.#state;
  }

  /** What the server is doing, or what went wrong. */
  get status(): string {
    return this.#status;
  }

  get text(): string {
    return this.#text;
  }

  get diff(): string {
    return this.#diff;
  }

  get model(): string {
    return this.#model;
  }

  /** How far it can be relied on, in a word; empty where that is not known. */
  get confidence(): string {
    return this.#confidence;
  }

  get evidence(): readonly Place[] {
    return this.#evidence;
  }

  get citations(): readonly Place[] {
    return this.#citations;
  }

  /** What the model called, a line each, then what is to be known of the route. */
  get notes(): readonly string[] {
    return [...this.#tools, ...this.#notes];
  }

  /** Engines that failed after they had begun to answer. */
  get cut(): readonly FailedEngine[] {
    return this.#failed.filter(({ partial }) => partial !== undefined && partial !== '');
  }

  get running(): boolean {
    return this.#state === 'waiting' || this.#state === 'streaming';
  }

  /** Takes a part. Parts that come after the end are late and say nothing new. */
  add(part: AnswerPart): void {
    if (!this.running) {
      return;
    }
    switch (part.kind) {
      case 'text':
        this.#state = 'streaming';
        this.#status = '';
        this.#text += part.text;
        break;
      case 'evidence':
        this.#evidence.push(part);
        break;
      case 'citation':
        this.#citations.push(part);
        break;
      case 'patch':
        this.#diff = part.diff;
        break;
      case 'tool':
        this.#tools.push(part.note);
        break;
      case 'status':
        this.#status = part.text;
        break;
    }
  }

  /** The response is the truth: it replaces what was put together from parts. */
  finish(whole: WholeAnswer | null): void {
    if (!this.running) {
      return;
    }
    this.#state = 'done';
    this.#status = '';
    this.#text = whole?.text ?? this.#text;
    this.#diff = whole?.diff ?? this.#diff;
    this.#tools = whole?.tools?.map(({ note }) => note) ?? this.#tools;
    this.#notes = whole?.notes ?? [];
    this.#failed = whole?.route?.failed ?? [];
    this.#model = whole?.model ?? '';
    this.#confidence = whole?.confidence_level ?? '';
    this.#evidence = [...(whole?.evidence ?? this.#evidence)];
    this.#citations = [...(whole?.citations ?? this.#citations)];
  }

  stop(): void {
    if (this.running) {
      this.#state = 'stopped';
      this.#status = 'Stopped.';
    }
  }

  fail(message: string): void {
    if (this.running) {
      this.#state = 'failed';
      this.#status = message;
    }
  }
}
