// acknowledged: findings that somebody has seen. Kept in the browser, so that they
// are there when the page is opened again, and forgotten when the finding is over:
// what comes back is new. What gets worse is new, too.

import { Emitter, type Off } from '../emitter.js';
import { readSetting, writeSetting } from '../shell/settings.js';
import { SEVERITIES, type Attention, type Finding, type Severity } from './attention.js';
import type { Fleet, Gpu } from './fleet.js';

const STORED_AS = 'acknowledged';
const ACKNOWLEDGED_MAX = 500;

interface Note {
  key: string;
  severity: Severity;
  uuid: string | null;
  cluster: string;
  host: string;
  index: string;
}

function isNote(value: unknown): value is Note {
  const note = value as Partial<Note> | null;
  return typeof note === 'object' && typeof note?.key === 'string';
}

export class Acknowledged {
  readonly changed = new Emitter();
  #fleet: Fleet;
  #attention: Attention;
  /** By key, the oldest first. */
  #notes = new Map<string, Note>();
  #offs: Off[];

  /** attention has to listen to the fleet before this does. */
  constructor(fleet: Fleet, attention: Attention) {
    this.#fleet = fleet;
    this.#attention = attention;
    this.#read();
    const read = () => {
      this.#read();
      this.changed.emit();
    };
    addEventListener('storage', read); // another tab wrote
    this.#offs = [
      fleet.changed.on(() => this.#forget()),
      () => removeEventListener('storage', read),
    ];
  }

  close(): void {
    for (const off of this.#offs) off();
  }

  has({ key, severity }: Finding): boolean {
    const note = this.#notes.get(key);
    return note !== undefined && SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(note.severity);
  }

  set(finding: Finding, on: boolean): void {
    const { key, severity, gpu } = finding;
    this.#notes.delete(key);
    if (on) {
      const { uuid, index, host } = gpu;
      const place = { uuid, index, host: host.hostname, cluster: host.cluster.name };
      this.#notes.set(key, { key, severity, ...place });
    }
    for (const oldest of this.#notes.keys()) {
      if (this.#notes.size <= ACKNOWLEDGED_MAX) break;
      this.#notes.delete(oldest);
    }
    this.#write();
  }

  #gpuOf({ uuid, cluster, host, index }: Note): Gpu | undefined {
    if (uuid !== null) return this.#fleet.gpu(uuid);
    return this.#fleet
      .host(cluster, host)
      ?.gpus.find((gpu) => gpu.uuid === null && gpu.index === index);
  }

  #isOver(note: Note): boolean {
    const gpu = this.#gpuOf(note);
    // A place that is filled now is over; a GPU that is not there may come back.
    if (gpu === undefined) return note.uuid === null && this.#fleet.loaded;
    return (
      this.#attention.hasSeen(gpu) &&
      !this.#attention.of(gpu).some((finding) => finding.key === note.key)
    );
  }

  #forget(): void {
    if (!this.#fleet.loaded) return;
    const over = [...this.#notes.values()].filter((note) => this.#isOver(note));
    if (over.length === 0) return;
    for (const { key } of over) this.#notes.delete(key);
    this.#write();
  }

  #write(): void {
    const notes = [...this.#notes.values()];
    writeSetting(STORED_AS, notes.length > 0 ? JSON.stringify(notes) : null);
    this.changed.emit();
  }

  #read(): void {
    let notes: unknown;
    try {
      notes = JSON.parse(readSetting(STORED_AS) ?? '[]');
    } catch {
      return; // it is not ours
    }
    if (!Array.isArray(notes)) return;
    this.#notes = new Map(notes.filter(isNote).map((note) => [note.key, note]));
  }
}
