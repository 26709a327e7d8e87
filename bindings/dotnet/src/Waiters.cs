using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;

namespace TcAuth
{
    /// <summary>
    /// Those that wait for another caller's renewal without a thread. Each change in this process wakes them. Nothing here
    /// tells that another process has ended its renewal, or that a ticket has lapsed, so the first in line polls from time
    /// to time.
    /// </summary>
    internal sealed class Waiters
    {
        private const int Longest = 24 * 60 * 60 * 1000; // milliseconds; timers have a limit
        private static int interval = 75; // tests lengthen it

        private readonly LinkedList<SemaphoreSlim> line = new LinkedList<SemaphoreSlim>();

        /// <summary>Call it after each change that can end a wait.</summary>
        internal void WakeAll()
        {
            lock (line)
            {
                foreach (SemaphoreSlim waiter in line)
                    Wake(waiter);
            }
        }

        /// <summary>Polls until there is no other caller's renewal, or the time is over.</summary>
        internal async Task<Renewal> PollAsync(
            Auth auth, TimeSpan maxWait, CancellationToken cancellationToken)
        {
            Stopwatch waited = Stopwatch.StartNew();
            LinkedListNode<SemaphoreSlim> place = Join(); // before the poll, so that no change is missed
            try
            {
                for (;;)
                {
                    Status status = auth.TryPoll(TimeSpan.Zero, out Renewal renewal);
                    TimeSpan left = maxWait - waited.Elapsed;
                    if (status != Status.RenewalTimeout || left <= TimeSpan.Zero)
                    {
                        TcAuthException.ThrowIfFailed(status);
                        return renewal;
                    }
                    double milliseconds = Math.Min(left.TotalMilliseconds, IsFirst(place) ? interval : Longest);
                    await place.Value.WaitAsync((int)Math.Ceiling(milliseconds), cancellationToken)
                        .ConfigureAwait(false);
                }
            }
            finally
            {
                Leave(place);
            }
        }

        private LinkedListNode<SemaphoreSlim> Join()
        {
            lock (line)
                return line.AddLast(new SemaphoreSlim(0));
        }

        private bool IsFirst(LinkedListNode<SemaphoreSlim> place)
        {
            lock (line)
                return place == line.First;
        }

        /// <summary>Wakes the next one if it is the first in line now: it looks in its turn, and so on if nobody has to
        /// wait any more.</summary>
        private void Leave(LinkedListNode<SemaphoreSlim> place)
        {
            lock (line)
            {
                bool wasFirst = place == line.First;
                line.Remove(place);
                if (wasFirst && line.First != null)
                    Wake(line.First.Value);
            }
        }

        private static void Wake(SemaphoreSlim waiter)
        {
            if (waiter.CurrentCount == 0)
                waiter.Release();
        }
    }
}
