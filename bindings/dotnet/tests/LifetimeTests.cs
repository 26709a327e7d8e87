using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using TcAuth;

public sealed class LifetimeTests
{
    [Test]
    public void A_closed_handle_says_so()
    {
        Auth auth = AuthTests.KeyPair();
        auth.Dispose();
        auth.Dispose();
        Check.Equal("closed", auth.ToString());
        foreach (Action call in new Action[]
        {
            () => auth.GetHeaders("GET", "/"), () => auth.Describe(), () => auth.Kind.ToString(), () => auth.GetToken(),
            () => auth.UpdateToken("t"), () => auth.SetApiPath("https://company.example"), () => auth.Poll(TimeSpan.Zero),
            () => auth.SetRenewalWindow(TimeSpan.Zero), () => auth.ClockOffset = TimeSpan.Zero,
            () => auth.ClockOffset.ToString(), () => auth.GetHeaderBlock("GET", "/"), () => auth.ApiPath.ToString(),
            () => auth.GetRenewalWindow(), () => auth.GetTokenState(), () => auth.GetFamily(), () => auth.Seal(), () => auth.Unseal(""), () => auth.ShareIn("/"),
            () => new UrlBuilder(auth, "/"), () => new TcAuthHandler(auth),
            () => auth.Verify("GET", "/", "TC i:s", "1", TimeSpan.Zero),
            () => auth.Review(new Headers("TC i:s", 1), 401, null, new byte[0]),
        })
            Check.Equal("TcAuth.Auth", Check.Throws<ObjectDisposedException>(call).ObjectName);

        var url = new UrlBuilder("/");
        url.Dispose();
        url.Dispose();
        Check.Throws<ObjectDisposedException>(() => url.ToString());
        Check.Throws<ObjectDisposedException>(() => url.AddSegment("a"));
        Check.Throws<ObjectDisposedException>(() => url.AddQuery("a", "b"));
    }

    [Test]
    public void A_handle_may_be_closed_while_others_use_it()
    {
        for (int round = 0; round < 200; round++)
        {
            Auth auth = Auth.FromToken("t", DateTimeOffset.UtcNow.AddSeconds(-1));
            auth.SetApiPath("https://company.example/api");
            Renewal ticket = auth.Poll(TimeSpan.Zero);
            var url = new UrlBuilder(auth, "/");
            var users = new Action[]
            {
                () => auth.Poll(TimeSpan.FromSeconds(10)), () => auth.Describe(), () => auth.GetToken(), () => auth.ApiPath.ToString(),
                () => ticket.GetUrl(), () => url.AddSegment("a"), () => url.ToString(), ticket.Cancel,
                () => ticket.Complete(500, new byte[0]),
            };
            var started = new CountdownEvent(users.Length);
            Task[] tasks = users.Select(use => Task.Factory.StartNew(() => UseUntilClosed(use, started), TaskCreationOptions.LongRunning)).ToArray();
            started.Wait();
            auth.Dispose();
            url.Dispose();
            ticket.Dispose();
            Check.True(Task.WaitAll(tasks, 30000), "all came back");
        }
    }

    private static void UseUntilClosed(Action use, CountdownEvent started)
    {
        started.Signal();
        for (int i = 0; i < 1000; i++)
        {
            try
            {
                use();
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (TcAuthException)
            {
            }
        }
    }

    // So long that a collection can fall into the time in which they are copied.
    private static readonly string LongPath = "/" + new string('a', 64 * 1024);
    private static readonly string LongToken = new string('t', 100 * 1024);

    /// <summary>A handle that only a running call still needs must not be finalized under it.</summary>
    [Test]
    public void The_garbage_collector_waits_for_calls()
    {
        bool stop = false;
        var collecting = Task.Run(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        });
        var results = new List<string>[4];
        Parallel.For(0, results.Length, new ParallelOptions { MaxDegreeOfParallelism = 4 }, n =>
        {
            results[n] = new List<string>();
            for (int i = 0; i < 500; i++)
            {
                results[n].Add(AuthTests.KeyPair().GetHeaders("GET", "/", DateTimeOffset.FromUnixTimeSeconds(1)).GetAuthorization());
                results[n].Add(new UrlBuilder(LongPath).AddSegment("b").AddQuery("c", "d").ToString());
                results[n].Add(LostTicket());
            }
        });
        Volatile.Write(ref stop, true);
        collecting.Wait();
        Check.Equal(3, results.SelectMany(list => list).Distinct().Count(), "different results");
    }

    private static string LostTicket()
    {
        Auth auth = Auth.FromToken(LongToken, DateTimeOffset.FromUnixTimeSeconds(1));
        auth.SetApiPath("https://company.example/api");
        return auth.Poll(TimeSpan.Zero).GetUrl();
    }
}
