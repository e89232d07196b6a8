// GraphiQL on the address it was loaded from: queries by POST, subscriptions
// by WebSocket. Its own settings (the wheel, below left) switch between light,
// dark and what the system says.
(() => {
  const { React, ReactDOM, GraphiQL, graphqlWs } = window;

  const url = new URL(location.href);
  url.search = '';
  url.hash = '';
  const socketUrl = new URL(url);
  socketUrl.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';

  // Connects with the first subscription, and again by itself.
  const wsClient = graphqlWs.createClient({
    url: socketUrl.href,
    lazy: true,
    retryAttempts: 1000,
    shouldRetry: () => true,
  });
  const fetcher = GraphiQL.createFetcher({ url: url.href, wsClient });

  // A link may bring a query along: /graphql?query=… has no page, so it is
  // written behind the '#'.
  const linked = new URLSearchParams(location.hash.slice(1));
  const query = linked.get('query') ?? undefined;

  // What the examples ask about. Without it they are shown nevertheless.
  async function findGpu() {
    const reply = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ query: '{ gpus(limit: 1) { uuid clusterId } }' }),
    });
    const { data } = await reply.json();
    return data.gpus[0];
  }

  function render(gpu) {
    const app = React.createElement(GraphiQL, {
      fetcher,
      query,
      variables: linked.get('variables') ?? undefined,
      defaultTabs: window.examplesOf(
        gpu?.uuid ?? 'GPU-',
        gpu?.clusterId ?? 'local'
      ),
      defaultQuery: '',
      defaultEditorToolsVisibility: 'variables',
      inputValueDeprecation: true,
      schemaDescription: true,
    });
    ReactDOM.createRoot(document.getElementById('graphiql')).render(app);
  }

  findGpu().then(render, () => render());
})();
