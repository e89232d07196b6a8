// emitter: who listens is told. A listener that throws does not keep others from it.

export type Off = () => void;

export class Emitter<T = void> {
  #listeners = new Set<(event: T) => void>();

  on(listener: (event: T) => void): Off {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: T): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        reportError(error);
      }
    }
  }
}
