using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using TcAuth;

/// <summary>Those that wait for another caller's renewal.</summary>
public sealed class WaiterTests
{
    private static readonly byte[] NewToken = Encoding.UTF8.GetBytes("{\"success\": true, \"apiToken\": \"new\"}");
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private static readonly FieldInfo Interval = typeof(Auth).Assembly.GetType("TcAuth.Waiters")
        .GetField("interval", BindingFlags.NonPublic | BindingFlags.Static);

    private static Auth Due()
    {
        Auth auth = Auth.FromToken("t", DateTimeOffset.UtcNow.AddSeconds(-1));
        auth.SetApiPath("https://company.example/api");
        return auth;
    }

    private static Task<Renewal>[] Wait(Auth auth, int count) =>
        Enumerable.Range(0, count).Select(n => auth.PollAsync(Minute)).ToArray();

    private static async Task AllGoAhead(IEnumerable<Task<Renewal>> waiters, string what = "")
    {
        Task<Renewal[]> all = Task.WhenAll(waiters);
        Check.True(await Task.WhenAny(all, Task.Delay(10000)) == all, what + ": they still wait");
        foreach (Renewal renewal in await all)
            Check.Equal(null, renewal, what);
    }

    /// <summary>Gives the ticket back without a word to this process, as if another had had it.</summary>
    private static void GiveBackSilently(Renewal ticket) => ((IDisposable)typeof(Renewal)
        .GetField("handle", BindingFlags.NonPublic | BindingFlags.Instance).GetValue(ticket)).Dispose();

    [Test]
    public async Task A_thousand_waiters_cost_nothing()
    {
        using (Auth auth = Due())
        {
            Renewal ticket = auth.Poll(TimeSpan.Zero);
            Task<Renewal>[] waiters = Wait(auth, 1000);
            await Task.Delay(1000);
            TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
            await Task.Delay(3000);
            TimeSpan used = Process.GetCurrentProcess().TotalProcessorTime - before;
            Check.True(waiters.All(waiter => !waiter.IsCompleted), "they wait");
            ticket.Complete(200, NewToken);
            await AllGoAhead(waiters);
            Check.True(used < TimeSpan.FromMilliseconds(150), "CPU in 3 s: " + used); // with 10 ms polls: 400 and more
        }
    }

    [Test]
    public async Task Every_change_wakes_all()
    {
        var changes = new Dictionary<string, Action<Auth, Renewal>>
        {
            { "Complete", (auth, ticket) => ticket.Complete(200, NewToken) },
            { "a refusal", (auth, ticket) => Check.Fails(Status.RenewalRefused, () =>
                ticket.Complete(200, Encoding.UTF8.GetBytes("{\"success\": false}"))) },
            { "Cancel", (auth, ticket) => ticket.Cancel() },
            { "Dispose of the ticket", (auth, ticket) => ticket.Dispose() },
            { "UpdateToken", (auth, ticket) => auth.UpdateToken("updated") },
            { "Unseal", (auth, ticket) =>
                {
                    using (Auth other = Auth.FromToken("t"))
                    {
                        other.UpdateToken("sealed");
                        auth.Unseal(other.Seal());
                    }
                } },
        };
        object usual = Interval.GetValue(null);
        Interval.SetValue(null, 60000);
        try
        {
            foreach (var change in changes)
            {
                using (Auth auth = Due())
                {
                    Renewal ticket = auth.Poll(TimeSpan.Zero);
                    Task<Renewal>[] waiters = Wait(auth, 3);
                    await Task.Delay(20);
                    Check.True(waiters.All(waiter => !waiter.IsCompleted), change.Key);
                    change.Value(auth, ticket);
                    await AllGoAhead(waiters, change.Key);
                }
            }
            Auth closed = Due();
            closed.Poll(TimeSpan.Zero);
            Task<Renewal>[] last = Wait(closed, 3);
            closed.Dispose();
            foreach (Task<Renewal> waiter in last)
                await Check.ThrowsAsync<ObjectDisposedException>(() => waiter, "Dispose");
        }
        finally
        {
            Interval.SetValue(null, usual);
        }
    }

    [Test]
    public async Task One_of_them_looks_for_what_nobody_tells()
    {
        using (Auth auth = Due())
        using (var cancel = new CancellationTokenSource())
        {
            Renewal ticket = auth.Poll(TimeSpan.Zero);
            Task<Renewal> first = auth.PollAsync(Minute, cancel.Token), second = auth.PollAsync(TimeSpan.FromMilliseconds(300));
            Task<Renewal>[] others = Wait(auth, 10);
            cancel.Cancel();
            await Check.ThrowsAsync<OperationCanceledException>(() => first);
            Check.Equal(Status.RenewalTimeout, (await Check.ThrowsAsync<TcAuthException>(() => second)).Status);
            GiveBackSilently(ticket);
            await AllGoAhead(others);
        }
    }

    [Test]
    public async Task The_next_ticket_goes_to_one()
    {
        using (Auth auth = Due())
        {
            auth.Poll(TimeSpan.Zero);
            List<Task<Renewal>> waiters = Wait(auth, 10).ToList();
            auth.UpdateToken("due-too", DateTimeOffset.UtcNow.AddSeconds(-1));
            Task<Renewal> chosen = await Task.WhenAny(waiters);
            waiters.Remove(chosen);
            await Task.Delay(200);
            Check.True(waiters.All(waiter => !waiter.IsCompleted), "the others wait");
            (await chosen).Complete(200, NewToken);
            await AllGoAhead(waiters);
        }
    }

    [Test]
    public async Task A_wait_has_an_end()
    {
        using (Auth auth = Due())
        {
            Check.Fails(Status.InvalidArgument, () => auth.PollAsync(TimeSpan.FromMilliseconds(-1)));
            using (await auth.PollAsync(TimeSpan.Zero))
            {
                foreach (int milliseconds in new[] { 0, 1, 200 })
                {
                    Stopwatch watch = Stopwatch.StartNew();
                    var late = await Check.ThrowsAsync<TcAuthException>(() => auth.PollAsync(TimeSpan.FromMilliseconds(milliseconds)));
                    Check.Equal(Status.RenewalTimeout, late.Status);
                    Check.True(watch.ElapsedMilliseconds >= milliseconds - 1, "too early");
                }
                Task<Renewal> patient = auth.PollAsync(TimeSpan.MaxValue);
                Check.True(!patient.Wait(100), "it waits");
                auth.UpdateToken("new");
                await AllGoAhead(new[] { patient });
            }
        }
    }
}
