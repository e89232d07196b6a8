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

  const app = React.createElement(GraphiQL, {
    fetcher,
    query,
    variables: linked.get('variables') ?? undefined,
    defaultTabs: window.examples,
    defaultQuery: '',
    defaultEditorToolsVisibility: 'variables',
    inputValueDeprecation: true,
    schemaDescription: true,
  });
  ReactDOM.createRoot(document.getElementById('graphiql')).render(app);
})();
