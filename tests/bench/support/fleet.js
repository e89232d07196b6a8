// A made-up fleet that reports: each GPU at an interval of its own place in the
// round, so that what comes in a second is spread over it.
const TICK_MS = 20;
const MODELS = ['NVIDIA H100 80GB HBM3', 'NVIDIA A100-SXM4-80GB'];

const HOT = 997; // one GPU in so many
const SLOW = 499;

// As many metrics as the real file has. The GPUs of a host work together, and
// their load comes and goes within minutes.
function metricsOf(g, round) {
  const load = 50 + 48 * Math.sin((g >> 3) * 1.7 + round / 60);
  const share = g % SLOW === 0 ? 0.5 : 1;
  const noise = ((g * 7 + round * 13) % 5) - 2;
  const busy = Math.min(100, Math.max(0, Math.round(load * share) + noise));
  return {
    gpu_utilization: busy,
    memory_utilization: busy >> 1,
    memory_used_mb: 20_000 + busy * 500,
    memory_free_mb: 61_559 - busy * 500,
    temperature: 30 + Math.round(busy * 0.4) + (g & 7) + (g % HOT ? 0 : 20),
    power_draw: 100 + busy * 5.031,
    sm_clock_mhz: busy > 5 ? 1980 - noise * 15 : 1200,
    memory_clock_mhz: 2619,
    encoder_utilization: 0,
    decoder_utilization: 0,
  };
}

// A fleet in trouble: values jump with every sample; one GPU in twelve is hot, one in
// twelve slower than its host, and each second these are others. A few have errors.
export function troubledMetricsOf(g, round) {
  const dice = (Math.imul(g * 31 + round * 7919 + 17, 0x9e3779b1) >>> 0) / 2 ** 32;
  const dozen = (g + round * 7) % 12;
  const busy = dozen === 1 ? 20 : 60 + Math.floor(dice * 40);
  return {
    ...metricsOf(g, round),
    gpu_utilization: busy,
    memory_used_mb: 20_000 + Math.floor(dice * 40_000),
    temperature: dozen === 2 ? 82 + Math.floor(dice * 14) : 40 + Math.floor(dice * 30),
    power_draw: 100 + dice * 500,
    xid: g % 200 === 3 ? 79 : 0,
    throttle_reasons: (g + round) % 50 === 0 ? 8 : 0,
  };
}

export class SimulatedFleet {
  constructor(nc, gpus, { intervalMs = 1000, cluster = 'simulated', metrics = metricsOf } = {}) {
    this.nc = nc;
    this.metrics = metrics;
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
    sample.metrics = this.metrics(g, Math.floor(n / this.gpus.length));
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
