using System;

namespace TcAuth
{
    /// <summary>Notices that a token of another process is used. It keeps only a fingerprint of the token.</summary>
    internal sealed class Adoption
    {
        private static readonly ulong Seed = BitConverter.ToUInt64(Guid.NewGuid().ToByteArray(), 0);

        private readonly object gate = new object();
        private int running; // calls that give the handle a token of this process
        private long count; // changes that have ended or were noticed
        private ulong? last; // what was signed with; null after a change of this process

        /// <summary>Call it before a call that gives the handle a token of this process.</summary>
        internal void Begin()
        {
            lock (gate)
                running++;
        }

        /// <summary>Call it after that call.</summary>
        internal void End(Status status)
        {
            lock (gate)
            {
                running--;
                count++;
                if (status == Status.Ok || status == Status.StoreIo)
                    last = null;
            }
        }

        /// <summary>Read it before a request is signed.</summary>
        internal long Count
        {
            get
            {
                lock (gate)
                    return count;
            }
        }

        /// <summary>Whether a request was the first one that was signed with a token of another process.</summary>
        /// <param name="authorization">What it was signed with.</param>
        /// <param name="before">The <see cref="Count"/> from before. If there was a change since, the token may be an older
        /// one.</param>
        internal bool Noticed(string authorization, long before)
        {
            ulong fingerprint = Fingerprint(authorization);
            lock (gate)
            {
                if (running > 0 || count != before || last == fingerprint)
                    return false;
                bool adopted = last != null;
                last = fingerprint;
                count++;
                return adopted;
            }
        }

        /// <summary>FNV-1a with a start that differs in each process.</summary>
        private static ulong Fingerprint(string text)
        {
            ulong hash = Seed;
            foreach (char letter in text)
                hash = unchecked((hash ^ letter) * 0x100000001b3);
            return hash;
        }
    }
}
