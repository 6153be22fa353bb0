import {useState, type SyntheticEvent} from 'react';
import {supabase} from './supabase.js';
import {record} from './timeline.js';

/** Requests to the Data API, as any app makes them. */
export function Notes() {
  const [notes, setNotes] = useState<Array<{id: number; body: string}>>([]);

  async function read(): Promise<void> {
    const {data, error, status} = await supabase
      .from('notes')
      .select('id, body')
      .order('id')
      .overrideTypes<Array<{id: number; body: string}>>();
    if (error) {
      record('bad', 'Request denied', `${status} ${error.code} ${error.message}`);
      return;
    }
    record(
      'good',
      'Request allowed',
      `GET /rest/v1/notes: ${status}, ${data.length} ${data.length === 1 ? 'note' : 'notes'}`,
    );
    setNotes(data);
  }

  async function add(event: SyntheticEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const {error, status} = await supabase.from('notes').insert({body: new FormData(form).get('body')});
    if (error) {
      record('bad', 'Request denied', `${status} ${error.code} ${error.message}`);
      return;
    }
    form.reset();
    await read();
  }

  return (
    <section className="card" aria-labelledby="notes">
      <h2 id="notes">Your notes</h2>
      <ul className="notes">
        {notes.map(({id, body}) => (
          <li key={id}>{body}</li>
        ))}
      </ul>
      <form className="row" onSubmit={(event) => void add(event)}>
        <input name="body" aria-label="New note" placeholder="A new note" autoComplete="off" required />
        <button>Add</button>
        <button type="button" onClick={() => void read()}>
          Read notes
        </button>
      </form>
    </section>
  );
}
