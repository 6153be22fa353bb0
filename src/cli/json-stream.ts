import {once} from 'node:events';

/**
 * One JSON object on stdout that is written as its parts come, a line for each element of its list. What is never ended is no JSON: nobody takes
 * half a list for the whole.
 */
export class JsonStream {
  readonly #head: string;
  #begun = false;
  #elements = 0;

  /** @param list the name of the list, which comes after what `head` holds */
  constructor(head: Record<string, unknown>, list: string) {
    const parts = Object.entries(head).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`);
    this.#head = `{\n${parts.join('')}  ${JSON.stringify(list)}: [`;
  }

  /** Whether something has been written, so that nothing else may go to stdout. */
  get begun(): boolean {
    return this.#begun;
  }

  /** @returns whether anybody still reads */
  async write(elements: unknown[]): Promise<boolean> {
    const first = this.#elements === 0;
    this.#elements += elements.length;
    const text = elements.map((element) => `\n    ${JSON.stringify(element)}`).join(',');
    return this.#put(`${first ? '' : ','}${text}`);
  }

  /** @param tail what comes after the list */
  async end(tail: Record<string, unknown>): Promise<void> {
    const parts = Object.entries(tail).map(([name, value]) => `,\n  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
    await this.#put(`${this.#elements === 0 ? ']' : '\n  ]'}${parts.join('')}\n}\n`);
  }

  async #put(text: string): Promise<boolean> {
    const {stdout} = process;
    if (!stdout.writable) return false;
    const flushed = stdout.write(this.#begun ? text : this.#head + text);
    this.#begun = true;
    const waiting = new AbortController();
    const {signal} = waiting;
    try {
      // A pipe whose reader has left (`| head`) never drains: a socket just closes, a real pipe says EPIPE.
      if (!flushed) await Promise.race([once(stdout, 'drain', {signal}), once(stdout, 'close', {signal})]);
      return stdout.writable;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return false;
      throw error;
    } finally {
      waiting.abort();
    }
  }
}
