// Swagger UI over the document beside this page. What is to be filled in to try
// an operation out comes from the fleet that is there.
(() => {
  const at = (path) => new URL(path, document.baseURI);

  async function findGpu() {
    const reply = await fetch(at('../graphql'), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ query: '{ gpus(limit: 1) { uuid } }' }),
    });
    const { data } = await reply.json();
    return data.gpus[0];
  }

  function fillIn(document_, gpu) {
    for (const path of Object.values(document_.paths)) {
      for (const { parameters = [] } of Object.values(path)) {
        for (const parameter of parameters) {
          if (parameter.example?.startsWith('GPU-')) parameter.example = gpu.uuid;
        }
      }
    }
  }

  async function show() {
    const spec = await (await fetch(at('swagger.json'))).json();
    const gpu = await findGpu().catch(() => undefined); // GraphQL may be off
    if (gpu) fillIn(spec, gpu);
    // Relative to this page, which is where the document is.
    spec.servers = spec.servers.map((server) => ({ ...server, url: at(server.url).href }));
    window.SwaggerUIBundle({
      spec,
      dom_id: '#swagger-ui',
      deepLinking: true,
      displayOperationId: false,
      displayRequestDuration: true,
      tryItOutEnabled: true,
      validatorUrl: null, // nothing goes to a third party
      presets: [window.SwaggerUIBundle.presets.apis],
      layout: 'BaseLayout',
    });
  }

  show().catch((error) => {
    document.querySelector('.page-wait').textContent = `The document could not be read: ${error.message}`;
  });
})();
