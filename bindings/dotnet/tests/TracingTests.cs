using System;
using System.Collections.Generic;
using System.Net.Http;
using System.Reflection;
using System.Threading.Tasks;
using TcAuth;

/// <summary>What a monitoring agent sees, which listens to each request of each HttpClient. Mono has nothing to listen
/// to.</summary>
public sealed class TracingTests
{
    private static readonly Type Listener =
        Type.GetType("System.Diagnostics.DiagnosticListener, System.Diagnostics.DiagnosticSource");

    private sealed class Observer<T> : IObserver<T>
    {
        internal Action<object> Next;

        public void OnNext(T value) => Next(value);

        public void OnCompleted()
        {
        }

        public void OnError(Exception error)
        {
        }
    }

    /// <summary>Adds the URLs of all requests to the list, until it is disposed.</summary>
    private static IDisposable Listen(List<string> urls)
    {
        var events = new Observer<KeyValuePair<string, object>> { Next = pair =>
        {
            object payload = ((KeyValuePair<string, object>)pair).Value;
            var request = payload?.GetType().GetProperty("Request")?.GetValue(payload) as HttpRequestMessage;
            lock (urls)
                urls.Add(request?.RequestUri.ToString());
        } };
        object listeners = Activator.CreateInstance(typeof(Observer<>).MakeGenericType(Listener));
        listeners.GetType().GetField("Next", BindingFlags.NonPublic | BindingFlags.Instance).SetValue(listeners, new Action<object>(
            listener => ((IObservable<KeyValuePair<string, object>>)listener).Subscribe(events)));
        object all = Listener.GetProperty("AllListeners").GetValue(null);
        return (IDisposable)typeof(IObservable<>).MakeGenericType(Listener).GetMethod("Subscribe").Invoke(all, new[] { listeners });
    }

    [Test]
    public async Task A_renewal_is_not_traced()
    {
        if (Listener == null)
            return;
        var urls = new List<string>();
        using (Listen(urls))
        using (var server = new Server(request => Server.Response(200, "{\"success\": true, \"apiToken\": \"new\"}")))
        {
            foreach (bool sockets in new[] { false, true })
            {
                var inner = sockets ? (HttpMessageHandler)Activator.CreateInstance(
                    typeof(HttpMessageHandler).Assembly.GetType("System.Net.Http.SocketsHttpHandler")) : new HttpClientHandler();
                inner.GetType().GetProperty("AllowAutoRedirect").SetValue(inner, false);
                using (Auth auth = Auth.FromToken("sesame", DateTimeOffset.UtcNow.AddSeconds(-1)))
                {
                    auth.SetApiPath(server.Origin + "/api");
                    await new HttpClient(new TcAuthHandler(auth, inner)).GetStringAsync(server.Origin + "/api/v3");
                }
            }
            await new HttpClient(new HttpClientHandler()).GetStringAsync(server.Origin + "/seen");
            string seen = string.Join(" ", urls);
            Check.True(seen.Contains("/seen") && seen.Contains("/api/v3"), "it listens: " + seen);
            Check.True(!seen.Contains("sesame"), seen);
            Check.Equal(5, server.All.Count);
        }
    }
}
