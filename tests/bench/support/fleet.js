// A made-up fleet that reports: each GPU at an interval of its own place in the
// round, so that what comes in a second is spread over it.
const TICK_MS = 20;
const MODELS = ['NVIDIA H100 80GB HBM3', 'NVIDIA A100-SXM4-80GB'];

// As many metrics as the real file has.
function metricsOf(g, round) {
  const wave = (g * 7 + round * 13) % 101;
  return {
    gpu_utilization: wave,
    memory_utilization: (g + round) % 101,
    memory_used_mb: 40_000 + ((g * round) % 41_559),
    memory_free_mb: 41_559 - ((g * round) % 41_559),
    temperature: 35 + (wave >> 1),
    power_draw: 100 + wave * 6.031,
    sm_clock_mhz: 1200 + ((g * 31 + round * 17) % 780),
    memory_clock_mhz: 2619,
    encoder_utilization: 0,
    decoder_utilization: 0,
  };
}

export class SimulatedFleet {
  constructor(nc, gpus, { intervalMs = 1000, cluster = 'simulated' } = {}) {
    this.nc = nc;
    this.intervalMs = intervalMs;
    this.published = 0;
    this.gpus = Array.from({ length: gpus }, (_, g) => {
      const host = `sim-hgpu-${String(g >> 3).padStart(4, '0')}`;
      const uuid = `GPU-5eed0000-0000-4000-8000-${String(g).padStart(12, '0')}`;
      return {
        subject: `telemetry.${cluster}.${host}.${uuid}`,
        sample: {
          v: 1,
          cluster,
          host,
          gpu: `${g & 7}`,
          uuid,
          device: `nvidia${g & 7}`,
          model: MODELS[(g >> 3) % MODELS.length],
        },
      };
    });
  }

  #report(n) {
    const g = n % this.gpus.length;
    const { subject, sample } = this.gpus[g];
    sample.ts = new Date().toISOString();
    sample.metrics = metricsOf(g, Math.floor(n / this.gpus.length));
    this.nc.publish(subject, JSON.stringify(sample));
  }

  // All of them once, at once.
  async reportOnce() {
    for (const end = this.published + this.gpus.length; this.published < end; )
      this.#report(this.published++);
    await this.nc.flush();
  }

  start() {
    const from = Date.now();
    const first = this.published;
    const rate = this.gpus.length / this.intervalMs;
    this.timer = setInterval(() => {
      const due = first + (Date.now() - from) * rate;
      while (this.published < due) this.#report(this.published++);
    }, TICK_MS);
  }

  stop() {
    clearInterval(this.timer);
  }
}
