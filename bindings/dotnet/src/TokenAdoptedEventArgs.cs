using System;

namespace TcAuth
{
    /// <summary>A token of another process is used. It contains no secrets and can be logged.</summary>
    public sealed class TokenAdoptedEventArgs : EventArgs
    {
        internal TokenAdoptedEventArgs()
        {
        }

        /// <summary>A line for a log.</summary>
        public override string ToString() => "a token of another process is used";
    }
}
