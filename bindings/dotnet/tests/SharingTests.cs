using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using TcAuth;

/// <summary>A token in a directory. Two handles share it as two processes do.</summary>
public sealed class SharingTests
{
    private const string ApiPath = "https://company.example/api";
    private const string Key = "0123456789abcdef0123456789abcdef";
    private static readonly byte[] NewToken = Encoding.UTF8.GetBytes("{\"success\": true, \"apiToken\": \"new\"}");

    /// <summary>A new directory, which is deleted.</summary>
    private sealed class Place : IDisposable
    {
        internal string Name { get; } = Path.Combine(Path.GetTempPath(), "tc_auth-" + Guid.NewGuid());

        internal Place()
        {
            Directory.CreateDirectory(Name);
        }

        public void Dispose() => Directory.Delete(Name, recursive: true);
    }

    private static Auth Token(int lives = -1)
    {
        Auth auth = Auth.FromToken("t", DateTimeOffset.UtcNow.AddSeconds(lives));
        auth.SetApiPath(ApiPath);
        return auth;
    }

    private static HttpResponseMessage Response(string body = "") =>
        new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(body) };

    [Test]
    public void A_directory_is_used_or_refused()
    {
        using (var place = new Place())
        using (Auth auth = Token(), other = Token(), key = AuthTests.KeyPair())
        {
            Check.Fails(Status.WrongKind, () => key.ShareIn(place.Name));
            Check.Fails(Status.StoreIo, () => auth.ShareIn(place.Name + "/missing"));
            Check.Fails(Status.InvalidArgument, () => auth.ShareIn(place.Name, "a\nb\nc\nd\ne"));
            auth.ShareIn(place.Name, Key);
            Check.Fails(Status.AlreadySet, () => auth.ShareIn(place.Name, Key));
            Check.Fails(Status.SealInvalid, () => other.ShareIn(place.Name, "wrong"));
            auth.UpdateToken("newer");
            other.ShareIn(place.Name, Key);
            Check.Equal("newer", other.GetToken().GetValue());
        }
    }

    [Test]
    public async Task One_process_renews_for_all()
    {
        using (var place = new Place())
        using (Auth auth = Token(), other = Token())
        {
            auth.ShareIn(place.Name, Key);
            other.ShareIn(place.Name, Key);
            using (Renewal ticket = auth.Poll(TimeSpan.Zero))
            {
                Check.Fails(Status.RenewalTimeout, () => other.Poll(TimeSpan.Zero));
                Task<Renewal>[] waiters = Enumerable.Range(0, 100).Select(n => other.PollAsync(TimeSpan.FromMinutes(1))).ToArray();
                await Task.Delay(200);
                Check.True(waiters.All(waiter => !waiter.IsCompleted), "they wait");
                ticket.Complete(200, NewToken);
                foreach (Renewal renewal in await Task.WhenAll(waiters))
                    Check.Equal(null, renewal);
                Check.Equal("new", other.GetToken().GetValue());
            }
        }
    }

    /// <summary>Renews, and takes what is signed with the right token.</summary>
    private sealed class Platform : HttpMessageHandler
    {
        internal int Renewals;
        internal Action Renewing = () => { };

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri.AbsolutePath != "/api/appAuth")
                return Response(request.Headers.GetValues("Authorization").Single());
            Interlocked.Increment(ref Renewals);
            Renewing();
            await Task.Delay(200);
            return Response(Encoding.UTF8.GetString(NewToken));
        }
    }

    [Test]
    public async Task Handlers_share_a_token_and_tell_it()
    {
        using (var place = new Place())
        using (var elsewhere = new Place())
        using (Auth auth = Token(3600), other = Token(3600))
        {
            var platform = new Platform();
            var events = new List<string>();
            HttpClient[] clients = new[] { auth, other }.Select(one =>
            {
                var handler = new TcAuthHandler(one, platform, place.Name, Key);
                string name = one == auth ? "first" : "other";
                handler.RenewalFinished += (sender, e) => { lock (events) events.Add(name + " renewal: " + e.Status); };
                handler.TokenAdopted += (sender, e) => { lock (events) events.Add(name + " adopted"); };
                return new HttpClient(handler);
            }).ToArray();
            foreach (HttpClient client in clients)
                Check.Equal("TC-Token t", await client.GetStringAsync(ApiPath));
            auth.UpdateToken("due", DateTimeOffset.UtcNow.AddSeconds(-1));
            Task<string> renewing = clients[0].GetStringAsync(ApiPath);
            await Task.Delay(50);
            string[] bodies = await Task.WhenAll(Enumerable.Range(0, 20).Select(n => clients[1].GetStringAsync(ApiPath)));
            Check.Equal("TC-Token new", string.Join(" ", bodies.Concat(new[] { await renewing }).Distinct()));
            // The other one finds the token as soon as it is saved, which is before the renewal is reported.
            Check.Equal("first renewal: Ok, other adopted", string.Join(", ", events.OrderBy(each => each, StringComparer.Ordinal)));
            Check.Equal(1, platform.Renewals);

            new TcAuthHandler(auth, null, place.Name, Key); // as a factory makes one after the other
            Check.Fails(Status.AlreadySet, () => new TcAuthHandler(auth, null, elsewhere.Name, Key));
        }
    }

    [Test]
    public async Task A_token_that_cannot_be_saved_is_used()
    {
        var place = new Place();
        using (Auth auth = Token(3600))
        {
            var handler = new TcAuthHandler(auth, new Platform { Renewing = place.Dispose }, place.Name);
            RenewalFinishedEventArgs finished = null;
            handler.RenewalFinished += (sender, e) => finished = e;
            auth.UpdateToken("due", DateTimeOffset.UtcNow.AddSeconds(-1));
            Check.Equal("TC-Token new", await new HttpClient(handler).GetStringAsync(ApiPath));
            Check.True(finished.Succeeded && finished.Status == Status.StoreIo, finished.ToString());
            Check.Fails(Status.StoreIo, () => auth.UpdateToken("newer"));
            Check.Equal("TC-Token newer", await new HttpClient(handler).GetStringAsync(ApiPath));
        }
    }
}
